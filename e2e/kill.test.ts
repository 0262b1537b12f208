import { afterAll, expect, test } from "vitest"
import { globPositions } from "./lake.ts"
import { run, runJson, seeded, sleep, start, temporaryFolder } from "./musify.ts"

interface UpSummary {
  readonly events: Readonly<Record<string, number>>
  readonly audit: { readonly ok: boolean }
}

// Each round takes some ten seconds; MUSIFY_KILL_ROUNDS=20 for a long run.
const rounds = Number(process.env.MUSIFY_KILL_ROUNDS ?? 5)
const seed = Number(process.env.MUSIFY_E2E_SEED ?? 20261123)
const folder = temporaryFolder()
afterAll(folder.remove)

const small = ["--data", folder.path, "--users", "250", "--seed", "7", "--start", "2026-01-05"]

/** Three more hours each round, from the second day on. */
const endOf = (round: number) => new Date(Date.UTC(2026, 0, 6, 0, 30) + round * 3 * 3_600_000).toISOString()

/*
 * One data folder is killed again and again: each round has new hours to bring in, is killed with SIGKILL at a random
 * moment (while it starts, simulates, ingests, builds, publishes or audits), and is run to its end.
 */
test(`a kill -9 at ${rounds} random moments costs nothing (seed ${seed})`, async () => {
  const random = seeded(seed)
  // A kill falls anywhere in the time that such a run takes here, its start and its end included.
  let lasted = 2000
  for (let round = 0; round < rounds; round++) {
    const end = endOf(round)
    // Every third round everything runs at once, as a person's `npm start` does; the others stage by stage.
    const live = round % 3 === 2
    const args = live
      ? ["up", ...small, "--end", end, "--port", "0"]
      : ["up", ...small, "--end", end, "--once"]
    const victim = start(args)
    await sleep(random() * lasted)
    victim.child.kill("SIGKILL")
    await victim.finished
    const began = Date.now()
    const after = await run(["up", ...small, "--end", end, "--once", "--json"])
    lasted = Date.now() - began
    expect(after.code, `round ${round}, ${args.join(" ")}:\n${after.stdout}\n${after.stderr}`).toBe(0)
    const summary = JSON.parse(after.stdout) as UpSummary
    expect(summary.audit.ok).toBe(true)
    for (const found of await globPositions(folder.path)) {
      expect({ ...found, rows: found.last + 1, distinct: found.last + 1, first: 0 }).toEqual(found)
    }
  }
  // The killed folder holds what an undisturbed one holds.
  const undisturbed = temporaryFolder()
  try {
    const same = small.map((arg) => (arg === folder.path ? undisturbed.path : arg))
    await runJson(["up", ...same, "--end", endOf(rounds - 1), "--once"])
    expect(await globPositions(undisturbed.path)).toEqual(await globPositions(folder.path))
  } finally {
    undisturbed.remove()
  }
}, 600_000)
