import { Command } from "@effect/cli"
import { jsonOption, setting } from "@musify/runtime/setting.ts"
import { fileError } from "@musify/runtime/UserError.ts"
import { Console, Effect } from "effect"
import { mkdir, writeFile } from "node:fs/promises"
import path from "node:path"
import { describeModels } from "./describeModels.ts"
import { starDiagram } from "./diagrams.ts"
import { starSchemaMarkdown } from "./markdown.ts"
import { starSchemaPage } from "./page.ts"

const write = (file: string, text: string) =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, text)
    },
    catch: (cause) => fileError(`write ${file}`, cause)
  })

/** `musify docs`: the star schema as its models declare it. */
export const docsCommand = Command.make(
  "docs",
  {
    out: setting.text("out", {
      default: "star-schema.html",
      description: "File to which the page is written."
    }),
    markdown: setting.optionalText("markdown", {
      description: "Write Markdown to this file instead, and the diagram to images/star-schema.svg beside it."
    }),
    json: jsonOption
  },
  ({ json, markdown, out }) =>
    Effect.gen(function* () {
      const schema = describeModels()
      if (json) return yield* Console.log(JSON.stringify(schema))
      if (markdown !== undefined) {
        yield* write(markdown, starSchemaMarkdown(schema))
        yield* write(path.join(path.dirname(markdown), "images", "star-schema.svg"), starDiagram(schema))
        return yield* Console.log(`${markdown}: ${schema.tables.length} tables and views`)
      }
      yield* write(out, starSchemaPage(schema))
      yield* Console.log(`${out}: ${schema.tables.length} tables and views; open it in a browser`)
    })
).pipe(
  Command.withDescription(
    [
      "Documents the star schema as its models declare it: a diagram, every table and column, keys, audits, and what is",
      "made from what. Reads no data.",
      "",
      "Examples:",
      "  musify docs                     writes the page star-schema.html",
      "  musify docs --json              the same for programs",
      "  musify docs --markdown docs/star-schema.md"
    ].join("\n")
  )
)
