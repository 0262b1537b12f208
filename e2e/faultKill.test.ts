import { afterAll, expect, test } from "vitest"
import { run, seeded, sleep, start, temporaryFolder } from "./musify.ts"

interface UpSummary {
  readonly audit: {
    readonly ok: boolean
    readonly checks: ReadonlyArray<{ readonly name: string; readonly checked: number }>
  }
}

const rounds = Number(process.env.MUSIFY_KILL_ROUNDS ?? 3)
const seed = Number(process.env.MUSIFY_E2E_SEED ?? 20261125)
const folder = temporaryFolder()
afterAll(folder.remove)

const faults = [
  ["--duplicates", "0.02"],
  ["--late", "0.05"],
  ["--out-of-order", "0.05"],
  ["--malformed", "0.02"],
  ["--missing-fields", "0.02"],
  ["--clock-skew", "0.05"]
].flat()
const small = ["--data", folder.path, "--users", "150", "--seed", "3", "--start", "2026-01-05", ...faults]

/*
 * A producer that makes every kind of fault is killed with SIGKILL in history and while it is live; the next run goes on
 * with the same events and the same faults, and the audit finds each of them answered as the manifest says.
 */
test(`faults on purpose outlast a kill -9 at ${rounds} random moments (seed ${seed})`, async () => {
  const random = seeded(seed)
  let lasted = 2500
  for (let round = 0; round < rounds; round++) {
    const end = new Date(Date.UTC(2026, 0, 5, 18) + round * 6 * 3_600_000).toISOString()
    const isLive = round % 2 === 1
    const args = isLive
      ? ["up", ...small, "--end", end, "--port", "0"]
      : ["up", ...small, "--end", end, "--once"]
    const victim = start(args)
    await sleep(500 + random() * lasted)
    victim.child.kill("SIGKILL")
    await victim.finished
    const began = Date.now()
    const after = await run(["up", ...small, "--end", end, "--once", "--json"])
    lasted = Date.now() - began
    expect(after.code, `round ${round}, ${args.join(" ")}:\n${after.stdout}\n${after.stderr}`).toBe(0)
    const { audit } = JSON.parse(after.stdout) as UpSummary
    expect(audit.ok).toBe(true)
    const fault = audit.checks.find(({ name }) => /fault/.test(name))
    expect(fault?.checked, JSON.stringify(audit.checks)).toBeGreaterThan(0)
  }
}, 600_000)
