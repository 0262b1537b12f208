import { createHash } from "node:crypto"
import { lakeColumnsOf } from "@musify/domain/columns.ts"
import type { Hour } from "@musify/domain/Hour.ts"
import { dayMs, hourStart } from "@musify/domain/Hour.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { topics } from "@musify/domain/Topic.ts"
import { ObjectStore } from "@musify/lake/ObjectStore.ts"
import { Effect, Layer } from "effect"
import { maxBadRows, rowText } from "../audits.ts"
import { ledgerTables } from "../ledger.ts"
import { models } from "../models/models.ts"
import type { LakeFileName, SqlRow, Transaction, WarehouseService, WarehouseSession } from "../Warehouse.ts"
import { Warehouse } from "../Warehouse.ts"
import type { WarehouseError, WarehouseUnavailable } from "../WarehouseError.ts"
import { makeBigQueryClient } from "./BigQueryClient.ts"
import type { BigQueryClient } from "./BigQueryClient.ts"
import type { BigQueryFault } from "./bigQueryFault.ts"
import type { BigQueryJobs } from "./BigQueryJobs.ts"
import { makeBigQueryJobs } from "./BigQueryJobs.ts"
import type { BigQueryOptions } from "./BigQueryOptions.ts"
import { datasetsOf } from "./BigQueryOptions.ts"
import { bigQueryPublisher } from "./bigQueryPublisher.ts"
import { ensureDatasets } from "./datasets.ts"
import { errorOf, placeOf, unavailable } from "./errors.ts"
import { googleSqlDialect, googleSqlType } from "./googleSqlDialect.ts"
import { resultRows } from "./resultRows.ts"
import { scanBytes } from "./scanBytes.ts"
import { definitionScripts, generationTable, readFailures, transactionScript } from "./script.ts"

/** The same for the same work on the same state of the same warehouse. Ids are a project's, so they name the dataset. */
const jobIdOf = (dataset: string, kind: string, generation: number, work: string): string =>
  `musify_${kind}_${generation}_${createHash("sha256").update(`${dataset}\n${work}`).digest("hex").slice(0, 32)}`

/** Files of one load job; BigQuery takes 10,000. */
const filesOfLoad = 10_000

/** Columns of a topic's files under their own names, but `_partition`: BigQuery reserves names that begin so. */
const loadSchema = (topic: Topic) => ({
  fields: lakeColumnsOf(topic)
    .filter(({ name }) => name !== "_partition")
    .map(({ description, name, type }) => ({
      name,
      type: googleSqlType(type),
      mode: "NULLABLE",
      description
    }))
})

interface State {
  generation: number
}

const session = (options: BigQueryOptions, jobs: BigQueryJobs, state: State): WarehouseSession => {
  const { project } = options
  const datasets = datasetsOf(options)
  const dialect = googleSqlDialect(`${project}.${datasets.star}`)
  const labels = { app: "musify", ...options.labels }
  const queryOf = (text: string) => ({
    query: text,
    useLegacySql: false,
    defaultDataset: { projectId: project, datasetId: datasets.star },
    maximumBytesBilled: String(options.maxBytesBilled)
  })
  const jobId = (kind: string, work: string) => jobIdOf(datasets.star, kind, state.generation, work)
  const failing =
    (step: string, statement: string) =>
    (fault: BigQueryFault): WarehouseError =>
      errorOf(options, step, statement, fault)

  const query = (step: string, statement: string): Effect.Effect<ReadonlyArray<SqlRow>, WarehouseError> =>
    jobs
      .run({ labels: { ...labels, step: labelOf(step) }, query: queryOf(statement) }, undefined, (job) =>
        jobs.rows(job.jobId)
      )
      .pipe(Effect.mapBoth({ onSuccess: resultRows, onFailure: failing(step, statement) }))

  /** A script that changes something, under an id of its own; the rows of its last statement. */
  const script = <A>(
    step: string,
    id: string,
    text: string,
    accept: (rows: ReadonlyArray<SqlRow>, isNew: boolean) => A | undefined
  ): Effect.Effect<A, WarehouseError> =>
    jobs
      .run({ labels: { ...labels, step: labelOf(step) }, query: queryOf(text) }, id, (job) =>
        Effect.map(jobs.rows(job.jobId), (pages) => accept(resultRows(pages), job.isNew))
      )
      .pipe(Effect.mapError(failing(step, text)))

  const transact: WarehouseSession["transact"] = (transaction, { during, onStep }) =>
    Effect.gen(function* () {
      const { checks, id, steps } = transaction
      for (const { name } of steps) yield* onStep(name)
      if (checks.length > 0) yield* onStep("audit")
      yield* onStep("commit")
      const failures = yield* during(
        "build",
        script(
          steps.at(-1)?.name ?? "transaction",
          jobId("write", id),
          transactionScript(transaction, state.generation, maxBadRows),
          ([row], isNew) => {
            const found = readFailures(String(row?.["found"] ?? ""), checks, rowText)
            // One that an earlier run has found wrong is run again: a person may have mended something.
            return found.length === 0 || isNew ? found : undefined
          }
        )
      )
      if (failures.length === 0) state.generation++
      return failures
    })

  const define = (step: string, statements: ReadonlyArray<string>): Effect.Effect<void, WarehouseError> =>
    Effect.gen(function* () {
      const scripts = definitionScripts(statements, state.generation)
      for (let i = 0; i < scripts.length; i++)
        yield* script(step, jobId(`define${i}`, scripts[i]), scripts[i], () => true)
      state.generation++
    })

  const isThere = (stageTable: string): Effect.Effect<boolean, BigQueryFault> =>
    jobs.request({ method: "GET", uri: `/datasets/${datasets.stage}/tables/${stageTable}` }).pipe(
      Effect.as(true),
      Effect.catchIf(
        ({ kind }) => kind === "missing",
        () => Effect.succeed(false)
      )
    )

  /** Loads files of one topic into a table of their own, all or nothing; done before, nothing is loaded again. */
  const load = (topic: Topic, uris: ReadonlyArray<string>): Effect.Effect<string, WarehouseError> => {
    const name = `${topic}_${createHash("sha256").update(uris.join("\n")).digest("hex").slice(0, 16)}`
    return jobs
      .run(
        {
          labels: { ...labels, step: "load" },
          load: {
            sourceUris: uris,
            sourceFormat: "PARQUET",
            schema: loadSchema(topic),
            ignoreUnknownValues: true,
            destinationTable: { projectId: project, datasetId: datasets.stage, tableId: name },
            createDisposition: "CREATE_IF_NEEDED",
            writeDisposition: "WRITE_TRUNCATE"
          }
        },
        jobId("load", name),
        ({ isNew }) =>
          // One loaded by a run before may have expired since.
          Effect.map(isNew ? Effect.succeed(true) : isThere(name), (there) =>
            there ? `\`${project}.${datasets.stage}.${name}\`` : undefined
          )
      )
      .pipe(Effect.mapError(failing(`load ${topic}`, uris.join(" "))))
  }

  const stage = (files: ReadonlyArray<LakeFileName>) =>
    Effect.gen(function* () {
      const store = yield* ObjectStore
      const uriOf = (path: string) =>
        options.lake === undefined ? store.locate(path) : `${options.lake.replace(/\/+$/, "")}/${path}`
      const staged: Partial<Record<Topic, string>> = {}
      for (const topic of topics) {
        const uris = files.filter((file) => file.topic === topic).map(({ path }) => uriOf(path))
        const outside = uris.find((uri) => !uri.startsWith("gs://"))
        if (outside !== undefined)
          return yield* unavailable(
            options,
            "not writable",
            `BigQuery loads from Cloud Storage only, and the lake lies elsewhere (${outside}). Give the bucket (--bucket gs://…), or use --warehouse duckdb.`
          )
        const tables: Array<string> = []
        for (let i = 0; i < uris.length; i += filesOfLoad)
          tables.push(yield* load(topic, uris.slice(i, i + filesOfLoad)))
        if (tables.length === 1) staged[topic] = tables[0]
        if (tables.length > 1)
          staged[topic] = `(${tables.map((table) => `SELECT * FROM ${table}`).join(" UNION ALL ")})`
      }
      return staged
    })

  const tables = Effect.gen(function* () {
    const found: Array<{ readonly name: string; readonly isView: boolean }> = []
    let pageToken: string | undefined
    do {
      const page = (yield* jobs.request({
        method: "GET",
        uri: `/datasets/${datasets.star}/tables`,
        query: { maxResults: 1000, ...(pageToken === undefined ? {} : { pageToken }) }
      })) as {
        readonly tables?: ReadonlyArray<{
          readonly tableReference: { readonly tableId: string }
          readonly type: string
        }>
        readonly nextPageToken?: string
      }
      for (const { tableReference, type } of page.tables ?? [])
        found.push({ name: tableReference.tableId, isView: type === "VIEW" })
      pageToken = page.nextPageToken
    } while (pageToken !== undefined)
    return found
  }).pipe(Effect.mapError(failing("tables", "")))

  const cost = (transaction: Transaction, from: Hour, to: Hour): Effect.Effect<number, WarehouseError> => {
    const firstDay = Math.floor(hourStart(from) / dayMs) * dayMs
    const lastDay = Math.floor(hourStart(to) / dayMs) * dayMs
    return scanBytes(
      transaction,
      [...ledgerTables, ...models],
      { from: dialect.timestamp(firstDay), to: dialect.timestamp(lastDay + dayMs) },
      (statement) => jobs.bytesOf(queryOf(statement))
    ).pipe(Effect.mapError(failing("plan", "")))
  }

  const self: WarehouseSession = { dialect, tables, query, define, transact, stage, cost }
  return { ...self, publisher: bigQueryPublisher(self, datasets.marts) }
}

/** A label's value: lower case letters, digits, _ and -, at most 63. */
const labelOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, "_")
    .slice(0, 63)

/** The datasets are there, and so is the generation: which one it is. */
const openState = (
  options: BigQueryOptions,
  jobs: BigQueryJobs
): Effect.Effect<State, BigQueryFault | WarehouseUnavailable> =>
  Effect.gen(function* () {
    yield* ensureDatasets(options, jobs)
    const defaultDataset = { projectId: options.project, datasetId: datasetsOf(options).star }
    const run = (text: string) =>
      jobs.run(
        {
          labels: { app: "musify", ...options.labels, step: "open" },
          query: {
            query: text,
            useLegacySql: false,
            defaultDataset,
            maximumBytesBilled: String(options.maxBytesBilled)
          }
        },
        undefined,
        (job) => Effect.map(jobs.rows(job.jobId), resultRows)
      )
    const read = run(`SELECT generation FROM ${generationTable}`)
    const rows = yield* Effect.catchIf(
      read,
      ({ kind }) => kind === "missing",
      () =>
        Effect.zipRight(
          // Not from 0: a dataset that is made anew under an old name must not meet the ids of its old jobs.
          run(
            `CREATE TABLE IF NOT EXISTS ${generationTable} OPTIONS(description='Counts the scripts that have changed the warehouse.') AS SELECT UNIX_MICROS(CURRENT_TIMESTAMP()) AS generation`
          ),
          read
        )
    )
    return { generation: Number(rows[0]?.["generation"]) }
  })

/** A warehouse in BigQuery; `client` speaks to another server than BigQuery's in tests. */
export const makeBigQueryWarehouse = (
  options: BigQueryOptions,
  client: BigQueryClient = makeBigQueryClient(options)
): WarehouseService => {
  const jobs = makeBigQueryJobs(client, options)
  return {
    place: placeOf(options),
    open: openState(options, jobs).pipe(
      Effect.mapBoth({
        onSuccess: (state) => session(options, jobs, state),
        onFailure: (fault) => ("_tag" in fault ? fault : errorOf(options, "open", "", fault))
      }),
      Effect.catchAll((error) =>
        error._tag === "WarehouseUnavailable"
          ? Effect.fail(error)
          : Effect.fail(unavailable(options, "refused", error.message))
      )
    )
  }
}

/** The warehouse in BigQuery. */
export const layer = (options: BigQueryOptions): Layer.Layer<Warehouse> =>
  Layer.sync(Warehouse, () => makeBigQueryWarehouse(options))
