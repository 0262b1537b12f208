// Runs every command of README.md's ```sh blocks in this clone, in order: those that serve are stopped by SIGINT once
// they say that they are ready, and must then end with exit code 0; all others must end with 0 by themselves.
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const readme = readFileSync(`${root}README.md`, "utf8")
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
  block.trim().split("\n")
)

// `npm test` is a step of its own before this one.
const skipped = new Set(["npm test"])
/** What serves is ready when it says so. */
const serves = [
  [/^npm start$/, /simulation is live/],
  [/^npx nx run simulator:serve$/, /simulation is live/],
  [/^npx nx run ingestor:serve$/, /Following the log/],
  [/^npx nx run batcher:serve$/, /Building hours/],
  [/^npx nx run dashboard:serve$/, /Dashboard: http/]
]
const seconds = 480

/** npm and nx do not pass signals on everywhere: end the group that we started. */
const signal = (child, name) => {
  try {
    process.kill(-child.pid, name)
  } catch {
    child.kill(name)
  }
}

const runOne = async (command) => {
  const serving = serves.find(([pattern]) => pattern.test(command))
  const ready = serving?.[1]
  const child = spawn(command, { cwd: root, shell: true, detached: true, stdio: ["ignore", "pipe", "pipe"] })
  let output = ""
  let stopped = false
  const look = (chunk) => {
    output += chunk
    if (!stopped && ready?.test(output)) {
      stopped = true
      signal(child, "SIGINT")
    }
  }
  child.stdout.on("data", look)
  child.stderr.on("data", look)
  const limit = setTimeout(() => signal(child, "SIGKILL"), seconds * 1000)
  const [code, by] = await once(child, "close")
  clearTimeout(limit)
  // A shell or npm that was interrupted itself reports 130.
  const fine = code === 0 || (stopped && (code === 130 || by === "SIGINT"))
  if (!fine || (serving !== undefined && !stopped)) {
    console.error(`FAILED (${code ?? by}): ${command}\n${output}`)
    process.exit(1)
  }
  console.log(`fine: ${command}`)
}

let run = 0
for (const command of commands) {
  if (skipped.has(command)) continue
  await runOne(command)
  run++
}
console.log(`${run} passed, 0 failed`)
