import { Duration } from "effect"

/** A bucket of Cloud Storage and how it is spoken to. */
export interface GcsOptions {
  readonly bucket: string
  /** Put before each name: empty, or ends in "/". */
  readonly prefix: string
  /**
   * Another server that speaks Cloud Storage's JSON API, as `http://127.0.0.1:4443`. It is sent no credentials, unless
   * `keyFile` names them or it is one of Google's own.
   */
  readonly endpoint?: string | undefined
  /** Key file of a service account; without it application default credentials, or the metadata server's. */
  readonly keyFile?: string | undefined
  /** Storage class of new objects; without it the bucket's. */
  readonly storageClass?: string | undefined
  /** Customer-managed key for new objects: projects/…/locations/…/keyRings/…/cryptoKeys/… */
  readonly kmsKeyName?: string | undefined
  /** Real ms that one attempt may take, credentials included. */
  readonly timeoutMs: number
  /** How long an operation is tried again before it fails as unavailable. */
  readonly retryFor: Duration.Duration
  /** Requests under way at a time; more wait. */
  readonly concurrency: number
}

export const defaultGcsOptions = {
  prefix: "",
  timeoutMs: 30_000,
  retryFor: Duration.minutes(1),
  concurrency: 64
} satisfies Partial<GcsOptions>

/** Bucket and prefix of `gs://BUCKET/PREFIX`; undefined when the text is no such address. */
export const parseBucketAddress = (
  text: string
): { readonly bucket: string; readonly prefix: string } | undefined => {
  const match = /^gs:\/\/([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(?:\/+(.*?))?\/*$/.exec(text.trim())
  if (match === null) return undefined
  const prefix = match[2] ?? ""
  return { bucket: match[1], prefix: prefix === "" ? "" : `${prefix}/` }
}
