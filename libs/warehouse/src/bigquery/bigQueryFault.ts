/**
 * Why a request or a job failed, by what a caller does about it.
 * "transient": worth another try soon. "exists": the id or the name is taken. "conflict": another writer came between.
 * "quota": a limit of the project or of BigQuery is reached: waiting helps. "refused": no credentials, or they may not
 * do this. "missing": a dataset, a table or a file is not there. "location": the data lies elsewhere. "bytes": the job
 * would be billed for more than it may. "other": trying again is no use.
 */
export interface BigQueryFault {
  readonly kind:
    "transient" | "exists" | "conflict" | "quota" | "refused" | "missing" | "location" | "bytes" | "other"
  /** What BigQuery or the network said, in one line. */
  readonly text: string
}

const transientStatuses = new Set([408, 429, 500, 502, 503, 504])
const transientReasons = new Set([
  "backendError",
  "internalError",
  "jobBackendError",
  "jobInternalError",
  "jobRateLimitExceeded",
  "rateLimitExceeded",
  "stopped",
  "tableUnavailable",
  "timeout"
])
const transientCodes = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT"
])

const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line.length > 2000 ? `${line.slice(0, 2000)}…` : line
}

const noCredentials =
  /could not load the default credentials|could not refresh access token|invalid_grant|invalid_client|unauthorized_client|unable to read the credential/i

/** What a reason and a status of BigQuery's API mean; a job that failed has no status. */
export const faultOfReason = (reason: string, message: string, status: number | undefined): BigQueryFault => {
  const text = oneLine(message)
  const kind = (): BigQueryFault["kind"] => {
    if (/due to concurrent update|could not serialize access/i.test(text)) return "conflict"
    if (reason === "bytesBilledLimitExceeded" || /bytes billed/i.test(text)) return "bytes"
    if (transientReasons.has(reason)) return "transient"
    if (reason === "quotaExceeded" || reason === "billingTierLimitExceeded") return "quota"
    if (reason === "duplicate" || status === 409) return "exists"
    // Said of a dataset of another location, too: "was not found in location US".
    if (/cannot (?:read|write|query).*location|different locations?|Expected location/i.test(text))
      return "location"
    if (reason === "notFound" || status === 404) return "missing"
    if (reason === "accessDenied" || reason === "billingNotEnabled" || status === 401 || status === 403)
      return "refused"
    return status !== undefined && transientStatuses.has(status) ? "transient" : "other"
  }
  return { kind: kind(), text }
}

interface AnyError {
  readonly message?: unknown
  readonly code?: unknown
  readonly errors?: unknown
  readonly response?: { readonly status?: unknown; readonly data?: unknown }
}

/** What anything thrown by the client library means. */
export const faultOf = (cause: unknown): BigQueryFault => {
  const error: AnyError = typeof cause === "object" && cause !== null ? cause : { message: String(cause) }
  const [first] = Array.isArray(error.errors) ? (error.errors as ReadonlyArray<Record<string, unknown>>) : []
  const text = String(first?.["message"] ?? error.message ?? cause)
  if (noCredentials.test(text)) return { kind: "refused", text: oneLine(text) }
  if (typeof error.code === "string" && transientCodes.has(error.code))
    return { kind: "transient", text: oneLine(text) }
  if (/socket hang up|premature close|timed? ?out|aborted/i.test(text))
    return { kind: "transient", text: oneLine(text) }
  const status = Number(error.code ?? error.response?.status)
  return faultOfReason(
    String(first?.["reason"] ?? ""),
    text,
    Number.isInteger(status) && status >= 400 ? status : undefined
  )
}
