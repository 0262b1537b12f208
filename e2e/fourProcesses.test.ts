import { afterAll, expect, test } from "vitest"
import { runJson, sleep, start, temporaryFolder, until } from "./musify.ts"

const folder = temporaryFolder()
afterAll(folder.remove)

/*
 * The parts as four processes over one data folder, as `nx run simulator:serve` and its sisters start them. The
 * dashboard is asked all the time: readers never wait for the batcher and never see half of its work.
 */
test("four processes over one data folder work like one", async () => {
  const data = ["--data", folder.path]
  const parts = {
    simulator: start([
      "simulate",
      ...data,
      "--users",
      "300",
      "--days",
      "2",
      "--seed",
      "3",
      "--speed",
      "1200"
    ]),
    ingestor: start(["ingest", ...data, "--roll", "1s"]),
    batcher: start(["batch", "run", ...data, "--watch", "--every", "2s"]),
    dashboard: start(["dashboard", ...data, "--port", "0"])
  }
  const all = Object.values(parts)
  try {
    const output = () =>
      Object.entries(parts)
        .map(([name, part]) => `--- ${name}\n${part.output()}`)
        .join("\n")
    const url = await until(
      async () => /^Dashboard: (http\S+)$/m.exec(parts.dashboard.output())?.[1],
      () => `the dashboard says where it is\n${output()}`
    )
    const summary = async () => {
      const response = await fetch(`${url}api/summary`, { signal: AbortSignal.timeout(120_000) })
      const body = (await response.json()) as {
        readonly version: string
        readonly rows: ReadonlyArray<object>
      }
      return { status: response.status, body }
    }
    await until(
      async () => {
        const answer = await summary().catch(() => undefined)
        return answer?.status === 200 && answer.body.rows.length > 0 ? answer : undefined
      },
      () => `the dashboard shows a first build\n${output()}`
    )
    // From its first answer on it answers each time, over at least three publishes.
    const versions = new Set<string>()
    await until(
      async () => {
        const { body, status } = await summary()
        expect(status).toBe(200)
        versions.add(body.version)
        return versions.size > 3 ? true : undefined
      },
      () => `${versions.size} versions were published\n${output()}`
    )
    for (const [name, part] of Object.entries(parts)) {
      part.child.kill("SIGINT")
      const { code } = await part.finished
      // What does not end by itself within 2 s is cut off, with another code.
      expect({ name, code }, part.output()).toEqual({ name, code: 0 })
    }
    await runJson(["ingest", ...data, "--once"])
    await runJson(["batch", "run", ...data])
    expect(await runJson<{ ok: boolean }>(["audit", ...data, "--deep"])).toMatchObject({ ok: true })
  } finally {
    for (const part of all) part.child.kill("SIGKILL")
    await Promise.all(all.map((part) => part.finished))
    await sleep(0)
  }
}, 600_000)
