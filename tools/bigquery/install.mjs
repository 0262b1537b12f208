// node tools/bigquery/install.mjs: what `npm run test:bigquery` needs, once for each version of it. The stand-in for
// BigQuery (bqemulator, from PyPI) into tools/bigquery/.venv, and GoogleSQL's own analyzer (from npm) into tools/zetasql.
// Needs Python 3.11 or newer with venv.
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

const folder = import.meta.dirname
const venv = path.join(folder, ".venv")
const zetasql = path.join(folder, "..", "zetasql")

const run = async (command, ...args) => {
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32"
  })
  const failed = (why) => new Error(`${command} ${args.join(" ")} failed: ${why}.`)
  const [status] = await once(child, "exit").catch((cause) => {
    throw failed(cause.message)
  })
  if (status !== 0) throw failed("see its message above")
}

/** Installs unless it has been done for this text; the mark is written last, so that one cut off is done again. */
const unlessDone = async (mark, wanted, install) => {
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted) return
  rmSync(path.dirname(mark), { recursive: true, force: true })
  await install()
  writeFileSync(mark, wanted)
}

const installStandIn = async () => {
  const python = path.join(venv, "bin", "python")
  await run("python3", "-m", "venv", venv)
  // uv takes a fifth of pip's time for the rest: much of what pip compiles at once is never imported.
  await run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv==0.13.9")
  await run(
    path.join(venv, "bin", "uv"),
    ...["pip", "install", "--quiet", "--python", python, "--no-deps", "--requirement", "requirements.txt"]
  )
  // It asks DuckDB for the extension `spatial` at its start. The one of PyPI is put where DuckDB looks first, so that
  // nothing is downloaded then; both are of the same version.
  const found = spawnSync(
    python,
    [
      "-c",
      "import duckdb, duckdb_extension_spatial as e, os, platform; a = {'x86_64': 'amd64', 'aarch64': 'arm64'}; " +
        "print(os.path.dirname(e.__file__)); print(duckdb.__version__); " +
        "print(platform.system().lower().replace('darwin', 'osx') + '_' + a.get(platform.machine(), platform.machine()))"
    ],
    { encoding: "utf8" }
  )
  const [source, version, system] = found.stdout.trim().split("\n")
  const target = path.join(venv, "home", ".duckdb", "extensions", `v${version}`, system)
  mkdirSync(target, { recursive: true })
  cpSync(
    path.join(source, "extensions", `v${version}`, "spatial.duckdb_extension"),
    path.join(target, "spatial.duckdb_extension")
  )
}

/** Both at a time: each waits for its registry most of the time. Vitest calls it before the suite. */
const install = async () => {
  await Promise.all([
    unlessDone(
      path.join(venv, "installed.txt"),
      readFileSync(path.join(folder, "requirements.txt"), "utf8"),
      installStandIn
    ),
    unlessDone(
      path.join(zetasql, "node_modules", "installed.json"),
      readFileSync(path.join(zetasql, "package-lock.json"), "utf8"),
      () =>
        run(
          "npm",
          "ci",
          "--prefix",
          zetasql,
          "--no-audit",
          "--no-fund",
          "--ignore-scripts",
          "--loglevel=error"
        )
    )
  ])
}

export default install

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await install().catch((cause) => {
    console.error(cause.message)
    process.exit(3)
  })
}
