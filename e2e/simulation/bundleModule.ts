import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Plugin } from "esbuild"
import { build } from "esbuild"

/** One change of the source's text. The text to be replaced is there exactly once, or the bundle is refused. */
export interface Replacement {
  /** Path from the root. */
  readonly module: string
  readonly find: string
  readonly replace: string
}

const replacing = (
  root: string,
  replacements: ReadonlyArray<Replacement>,
  done: Set<Replacement>
): Plugin => ({
  name: "replace",
  setup: ({ onLoad }) => {
    for (const module of new Set(replacements.map((one) => one.module))) {
      const path = join(root, module)
      const filter = new RegExp(`${module.replaceAll(/[.\\/]/g, "[\\\\/.]")}$`)
      onLoad({ filter }, ({ path: loaded }) => {
        if (resolve(loaded) !== path) return undefined
        let contents = readFileSync(path, "utf8")
        for (const replacement of replacements) {
          if (replacement.module !== module) continue
          const parts = contents.split(replacement.find)
          if (parts.length !== 2)
            throw new Error(
              `${module} has ${parts.length - 1} times, not once: ${replacement.find}. Change the replacement with the source.`
            )
          contents = parts.join(replacement.replace)
          done.add(replacement)
        }
        return { contents, loader: "ts" }
      })
    }
  }
})

/**
 * Bundles a TypeScript module of the repository into `outfile`, with some of its text replaced; packages stay outside, so
 * that bundles that are loaded together share one Effect. To be called in the repository's root.
 */
export const bundleModule = async (
  entry: string,
  outfile: string,
  replacements: ReadonlyArray<Replacement> = []
): Promise<void> => {
  const root = resolve(".")
  const done = new Set<Replacement>()
  await build({
    absWorkingDir: root,
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "silent",
    plugins: [
      replacing(root, replacements, done),
      {
        name: "packages outside",
        setup: ({ onResolve }) => {
          onResolve({ filter: /^[^./]/ }, ({ kind, path }) =>
            kind === "entry-point" || path.startsWith("@musify/") ? undefined : { path, external: true }
          )
        }
      }
    ]
  })
  const left = replacements.find((replacement) => !done.has(replacement))
  if (left !== undefined) throw new Error(`${entry} does not use ${left.module}: nothing was replaced.`)
}
