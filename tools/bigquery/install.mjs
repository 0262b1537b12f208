// node tools/bigquery/install.mjs: the stand-in for BigQuery (bqemulator, from PyPI) into tools/bigquery/.venv, once for
// each version of requirements.txt. Needs Python 3.11 or newer with venv.
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"

const folder = import.meta.dirname
const venv = path.join(folder, ".venv")
const requirements = readFileSync(path.join(folder, "requirements.txt"), "utf8")
const mark = path.join(venv, "installed.txt")

const run = (command, ...args) => {
  const { error, status } = spawnSync(command, args, { cwd: folder, stdio: "inherit" })
  if (error !== undefined || status !== 0) {
    console.error(`${command} ${args.join(" ")} failed${error === undefined ? "" : `: ${error.message}`}.`)
    process.exit(3)
  }
}

if (!existsSync(mark) || readFileSync(mark, "utf8") !== requirements) {
  rmSync(venv, { recursive: true, force: true })
  run("python3", "-m", "venv", venv)
  run(path.join(venv, "bin", "pip"), "install", "--quiet", "--requirement", "requirements.txt")
  // It asks DuckDB for the extension `spatial` at its start. The one of PyPI is put where DuckDB looks first, so that
  // nothing is downloaded then; both are of the same version.
  const found = spawnSync(
    path.join(venv, "bin", "python"),
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
  writeFileSync(mark, requirements)
}
