import { Duration } from "effect"

/** A warehouse in BigQuery and how it is spoken to. */
export interface BigQueryOptions {
  /** Project that holds the datasets and is billed for the jobs. */
  readonly project: string
  /** Dataset of the star schema. `<dataset>_stage` holds what is loaded, `<dataset>_marts` what readers see. */
  readonly dataset: string
  /** Where the datasets are made, and every job runs: "EU", "US" or a region. It must be the bucket's. */
  readonly location: string
  /** Most bytes that one job may be billed for; it fails before it costs more. */
  readonly maxBytesBilled: number
  /** Put on every job and dataset, beside `app: musify`. */
  readonly labels: Readonly<Record<string, string>>
  /** E-mail addresses of people and groups ("group:…") that may read `<dataset>_marts`; given when it is made. */
  readonly readers: ReadonlyArray<string>
  /** How long a table of `<dataset>_stage` stays. */
  readonly stageExpiration: Duration.Duration
  /** `gs://BUCKET[/PREFIX]` of the lake, where its store does not name itself so. */
  readonly lake?: string | undefined
  /** Another server that speaks BigQuery's API; it is sent no credentials. */
  readonly endpoint?: string | undefined
  /** Key file of a service account; without it application default credentials, or the machine's. */
  readonly keyFile?: string | undefined
  /** Real ms that one request may take; jobs run on without it. */
  readonly timeoutMs: number
  /** How long a request or a job is tried again before it fails as unavailable. */
  readonly retryFor: Duration.Duration
  /** Longest pause between two looks at a job. */
  readonly pollEvery: Duration.Duration
}

export const defaultBigQueryOptions = {
  location: "US",
  maxBytesBilled: 100 * 1024 ** 3,
  labels: {},
  readers: [],
  stageExpiration: Duration.days(1),
  timeoutMs: 60_000,
  retryFor: Duration.minutes(2),
  pollEvery: Duration.seconds(5)
} satisfies Partial<BigQueryOptions>

/** Names of the datasets. */
export const datasetsOf = ({ dataset }: Pick<BigQueryOptions, "dataset">) => ({
  star: dataset,
  stage: `${dataset}_stage`,
  marts: `${dataset}_marts`
})
