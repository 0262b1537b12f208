import { Clock, Duration, Effect, Fiber, TestClock, TestContext } from "effect"
import { expect, it } from "vitest"
import type { BigQueryRequest } from "./BigQueryClient.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"
import type { BigQueryJobs } from "./BigQueryJobs.ts"
import { makeBigQueryJobs } from "./BigQueryJobs.ts"
import { defaultBigQueryOptions } from "./BigQueryOptions.ts"

const options = { ...defaultBigQueryOptions, project: "shop", dataset: "musify" }

const apiError = (code: number | string, message: string) => Object.assign(new Error(message), { code })

type Outcome = "done" | "running" | { readonly reason: string; readonly message: string }

/** BigQuery as far as jobs go: what is sent, and how each job ends. */
class Server {
  readonly sent: Array<string> = []
  /** Jobs by id, with the looks at them that are still to come. */
  readonly jobs = new Map<string, Array<Outcome>>()
  /** Thrown by the requests to come, in place of an answer; "lost" is done first. */
  readonly faults: Array<Error | { readonly lost: Error } | undefined> = []
  /** Ends of the jobs to come. */
  readonly ends: Array<Array<Outcome>> = []

  request = async (request: BigQueryRequest): Promise<unknown> => {
    const fault = this.faults.shift()
    this.sent.push(`${request.method} ${request.uri}`)
    if (fault instanceof Error) throw fault
    const answer = this.answer(request)
    if (fault !== undefined) throw fault.lost
    return answer
  }

  private answer({ body, method, uri }: BigQueryRequest): unknown {
    if (method === "POST" && uri === "/jobs") {
      const { jobReference } = body as { readonly jobReference: { readonly jobId?: string } }
      const jobId = jobReference.jobId ?? `made_${this.jobs.size}`
      if (this.jobs.has(jobId)) throw apiError(409, `Already Exists: Job shop:${jobId}`)
      this.jobs.set(jobId, this.ends.shift() ?? ["done"])
      return this.look(jobId)
    }
    return this.look(uri.slice("/jobs/".length))
  }

  private look(jobId: string) {
    const left = this.jobs.get(jobId)
    if (left === undefined) throw apiError(404, `Not found: Job ${jobId}`)
    const now = left.length > 1 ? (left.shift() as Outcome) : left[0]
    return {
      jobReference: { jobId },
      status: {
        state: now === "running" ? "RUNNING" : "DONE",
        ...(typeof now === "string" ? {} : { errorResult: now })
      },
      statistics: { totalBytesProcessed: "1234" }
    }
  }
}

/** Runs to the end, however much of the clock it takes; answers that time, too. */
const through = <A>(
  server: Server,
  body: (jobs: BigQueryJobs) => Effect.Effect<A, BigQueryFault>
): Promise<readonly [A | BigQueryFault, number]> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const begin = yield* Clock.currentTimeMillis
      const running = yield* Effect.fork(Effect.merge(body(makeBigQueryJobs(server, options))))
      for (;;) {
        // Promises of the server settle between steps of the clock.
        for (let i = 0; i < 20; i++) yield* Effect.promise(() => Promise.resolve())
        const exit = yield* Fiber.poll(running)
        if (exit._tag === "Some") break
        yield* TestClock.adjust(Duration.millis(250))
      }
      return [yield* Fiber.join(running), (yield* Clock.currentTimeMillis) - begin] as const
    }).pipe(Effect.provide(TestContext.TestContext))
  )

const answered = (job: { readonly jobId: string; readonly isNew: boolean }) =>
  Effect.succeed(`${job.jobId} ${job.isNew ? "new" : "followed"}`)

it("a job is made under its id and looked at until it is done", async () => {
  const server = new Server()
  server.ends.push(["running", "running", "running", "done"])
  const [result] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toBe("musify_1 new")
  expect(server.sent).toEqual(["POST /jobs", ...Array(3).fill("GET /jobs/musify_1")])
})

it("an id that is there is followed, and nothing runs twice", async () => {
  const server = new Server()
  server.jobs.set("musify_1", ["running", "running", "done"])
  const [result] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toBe("musify_1 followed")
  expect(server.jobs.size).toBe(1)
})

it("an answer that is lost leaves a job that is found by its id", async () => {
  const server = new Server()
  server.faults.push({ lost: apiError("ECONNRESET", "socket hang up") })
  const [result] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toBe("musify_1 followed")
  expect([...server.jobs.keys()]).toEqual(["musify_1"])
})

it("a job that failed in a way that passes is run again under the next id, a few times, with pauses", async () => {
  const passing = { reason: "backendError", message: "try again" }
  const server = new Server()
  server.ends.push([passing], [passing])
  const [result, time] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toBe("musify_1_2 new")
  expect(time).toBeGreaterThanOrEqual(6000)
  const never = new Server()
  for (let i = 0; i < 9; i++) never.ends.push([passing])
  expect((await through(never, (jobs) => jobs.run({}, "musify_1", answered)))[0]).toMatchObject({
    kind: "transient"
  })
  expect(never.jobs.size).toBe(5)
})

it("a job of an earlier run that failed is done anew", async () => {
  const server = new Server()
  server.jobs.set("musify_1", [{ reason: "invalidQuery", message: "a bug of then" }])
  const [result] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toBe("musify_1_1 new")
})

it("an outcome that is refused is done anew", async () => {
  const server = new Server()
  server.jobs.set("musify_1", ["done"])
  const [result] = await through(server, (jobs) =>
    jobs.run({}, "musify_1", ({ isNew, jobId }) => Effect.succeed(isNew ? jobId : undefined))
  )
  expect(result).toBe("musify_1_1")
})

it("a job that fails for good, and a request that is refused, are not tried again", async () => {
  const server = new Server()
  server.ends.push([{ reason: "invalidQuery", message: "nonsense" }])
  expect((await through(server, (jobs) => jobs.run({}, "musify_1", answered)))[0]).toMatchObject({
    kind: "other",
    text: "nonsense"
  })
  expect(server.sent.length).toBe(1)
  server.faults.push(apiError(403, "Access Denied"))
  expect((await through(server, (jobs) => jobs.run({}, "musify_2", answered)))[0]).toMatchObject({
    kind: "refused"
  })
  expect(server.sent.length).toBe(2)
})

it("requests are tried again with pauses that grow, until the time is up", async () => {
  const server = new Server()
  for (let i = 0; i < 1000; i++) server.faults.push(apiError(503, "Service Unavailable"))
  const [result, time] = await through(server, (jobs) => jobs.run({}, "musify_1", answered))
  expect(result).toMatchObject({ kind: "transient" })
  expect(time).toBeGreaterThan(100_000)
  expect(time).toBeLessThan(160_000)
  expect(server.sent.length).toBeLessThan(30)
})

it("a dry run says what a query would read", async () => {
  const [bytes] = await through(new Server(), (jobs) => jobs.bytesOf({ query: "SELECT 1" }))
  expect(bytes).toBe(1234)
})
