/*
 * npm run chaos -- [--seconds 90] [--seed N] [--json] [--keep]: one chaos run (README.md). Exit codes: 0 all is well,
 * 1 something differs, 2 wrong use.
 */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { type ChaosReport, runChaos } from "./runChaos.ts"

const usage = "Usage: npm run chaos -- [--seconds 90] [--seed N] [--json] [--keep]"

const reportText = (report: ChaosReport): string => {
  const acts = Object.entries(report.acts).map(([kind, count]) => `${count} × ${kind}`)
  const exits = report.ownExits.map(({ code, name, signal }) => `${name} (${signal ?? code})`)
  return [
    `${report.records} records in the log, ${report.acknowledged} of them acknowledged to the producer's journal`,
    `${report.rows} rows and ${report.deadLetters} dead letters in ${report.files} files of ${report.plans} plans; partitions changed hands ${report.takeOvers} times`,
    `${report.seconds} s of ${acts.join(", ")}; ${report.answersDropped} answers dropped, ${report.refusedPuts} puts refused with 412`,
    ...(exits.length === 0 ? [] : [`ended by themselves and started again: ${exits.join(", ")}`]),
    `${report.underFaults} records were in the lake at the last fault, all of them ${report.drain_s} s later`,
    ...(report.ok
      ? [`Every record is there exactly once (seed ${report.seed}).`]
      : [
          "",
          ...report.findings,
          "",
          `WRONG with seed ${report.seed}. Again: npm run chaos -- --seconds ${report.seconds} --seed ${report.seed}`
        ]),
    ...(report.folder === undefined ? [] : [`Data and the logs of all processes: ${report.folder}`])
  ].join("\n")
}

const { values } = (() => {
  try {
    return parseArgs({
      options: {
        seconds: { type: "string", default: "90" },
        seed: { type: "string", default: String(Date.now() % 1_000_000) },
        json: { type: "boolean", default: false },
        keep: { type: "boolean", default: false }
      }
    })
  } catch (cause) {
    console.error(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}`)
    process.exit(2)
  }
})()
const [seconds, seed] = [Number(values.seconds), Number(values.seed)]
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error(usage)
  process.exit(2)
}
console.error(`seed ${seed}`)
const report = await runChaos({
  seconds,
  seed,
  keep: values.keep,
  folder: mkdtempSync(join(tmpdir(), "musify-chaos-")),
  say: (line) => console.error(line)
})
console.log(values.json ? JSON.stringify(report) : reportText(report))
process.exit(report.ok ? 0 : 1)
