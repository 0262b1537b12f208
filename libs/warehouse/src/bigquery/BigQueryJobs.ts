import { Duration, Effect, Schedule } from "effect"
import type { BigQueryClient, BigQueryRequest } from "./BigQueryClient.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"
import { faultOf, faultOfReason } from "./bigQueryFault.ts"
import type { BigQueryOptions } from "./BigQueryOptions.ts"

/** A job as the API answers it, as far as it is used here. */
interface JobAnswer {
  readonly jobReference: { readonly jobId: string; readonly location?: string }
  readonly status: {
    readonly state: "PENDING" | "RUNNING" | "DONE"
    readonly errorResult?: { readonly reason?: string; readonly message?: string }
  }
  readonly statistics?: { readonly totalBytesProcessed?: string }
}

interface Field {
  readonly name: string
  readonly type: string
}

/** A page of a query's rows. */
export interface ResultPage {
  readonly jobComplete: boolean
  readonly schema?: { readonly fields?: ReadonlyArray<Field> }
  readonly rows?: ReadonlyArray<{ readonly f: ReadonlyArray<{ readonly v: string | null }> }>
  readonly pageToken?: string
}

/** What `run` answers: the job's id, and whether this call made it or one before. */
export interface FinishedJob {
  readonly jobId: string
  readonly isNew: boolean
}

/** Rows of a page: bounds the memory of an answer. */
const rowsOfPage = 20_000

/** Jobs of one project, with every try in one place. */
export interface BigQueryJobs {
  /** A request, tried again while that can help. */
  readonly request: (request: BigQueryRequest) => Effect.Effect<unknown, BigQueryFault>
  /**
   * Runs a job to its end. With an id, the job of that id is the job: when it exists already, it is followed. A job
   * that failed in a way that passes, or whose outcome `accept` refuses though another call made it, is run again under
   * the id that follows: `<id>`, `<id>_1`, `<id>_2`, …
   */
  readonly run: <A>(
    configuration: object,
    id: string | undefined,
    accept: (job: FinishedJob) => Effect.Effect<A | undefined, BigQueryFault>
  ) => Effect.Effect<A, BigQueryFault>
  /** All rows of a query job, page by page. */
  readonly rows: (jobId: string) => Effect.Effect<ReadonlyArray<ResultPage>, BigQueryFault>
  /** Bytes that a query would read, by a dry run. */
  readonly bytesOf: (query: object) => Effect.Effect<number, BigQueryFault>
}

/** Times that a job is run again after it failed in a way that passes. */
const jobTries = 4

export const makeBigQueryJobs = (client: BigQueryClient, options: BigQueryOptions): BigQueryJobs => {
  const { location, project, retryFor } = options
  const pauses = Schedule.exponential("250 millis").pipe(
    Schedule.union(Schedule.spaced("15 seconds")),
    Schedule.jittered,
    Schedule.upTo(retryFor)
  )
  const request: BigQueryJobs["request"] = (one) =>
    Effect.retry(Effect.tryPromise({ try: () => client.request(one), catch: faultOf }), {
      while: ({ kind }) => kind === "transient",
      schedule: pauses
    })
  const look = (jobId: string) =>
    request({ method: "GET", uri: `/jobs/${jobId}`, query: { location } }) as Effect.Effect<
      JobAnswer,
      BigQueryFault
    >
  const insert = (configuration: object, jobId: string | undefined) =>
    request({
      method: "POST",
      uri: "/jobs",
      body: {
        jobReference: { projectId: project, location, ...(jobId === undefined ? {} : { jobId }) },
        configuration
      }
    }) as Effect.Effect<JobAnswer, BigQueryFault>

  const finish = (job: JobAnswer): Effect.Effect<void, BigQueryFault> =>
    Effect.gen(function* () {
      let now = job
      let pause = Duration.millis(250)
      while (now.status.state !== "DONE") {
        yield* Effect.sleep(pause)
        pause = Duration.min(Duration.times(pause, 2), options.pollEvery)
        now = yield* look(job.jobReference.jobId)
      }
      const { errorResult } = now.status
      if (errorResult !== undefined)
        return yield* Effect.fail(
          faultOfReason(errorResult.reason ?? "", errorResult.message ?? "it failed", undefined)
        )
    })

  const run: BigQueryJobs["run"] = (configuration, id, accept) =>
    Effect.gen(function* () {
      let failures = 0
      for (let turn = 0; ; turn++) {
        const jobId = id === undefined ? undefined : turn === 0 ? id : `${id}_${turn}`
        const inserted = yield* Effect.either(insert(configuration, jobId))
        const isNew = inserted._tag === "Right"
        // The first try of an insert whose answer was lost made the job: it is found by its id, like any other.
        if (!isNew && (inserted.left.kind !== "exists" || jobId === undefined))
          return yield* Effect.fail(inserted.left)
        const job = isNew ? inserted.right : yield* look(jobId as string)
        const finished = yield* Effect.either(finish(job))
        if (finished._tag === "Left") {
          const { kind } = finished.left
          const passes = kind === "transient" || kind === "conflict"
          if (isNew && (!passes || ++failures > jobTries)) return yield* Effect.fail(finished.left)
          if (isNew) yield* Effect.sleep(Duration.seconds(2 ** failures))
          continue
        }
        const result = yield* accept({ jobId: job.jobReference.jobId, isNew })
        if (result !== undefined) return result
      }
    })

  const rows: BigQueryJobs["rows"] = (jobId) =>
    Effect.gen(function* () {
      const pages: Array<ResultPage> = []
      let pageToken: string | undefined
      for (;;) {
        const page = (yield* request({
          method: "GET",
          uri: `/queries/${jobId}`,
          query: {
            location,
            maxResults: rowsOfPage,
            "formatOptions.useInt64Timestamp": true,
            ...(pageToken === undefined ? {} : { pageToken })
          }
        })) as ResultPage
        if (page.jobComplete) {
          pages.push(page)
          pageToken = page.pageToken
          if (pageToken === undefined) return pages
        }
      }
    })

  return {
    request,
    run,
    rows,
    bytesOf: (query) =>
      Effect.map(insert({ dryRun: true, query }, undefined), ({ statistics }) =>
        Number(statistics?.totalBytesProcessed ?? 0)
      )
  }
}
