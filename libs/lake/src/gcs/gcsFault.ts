/**
 * Why one request to Cloud Storage failed, by what a caller does about it.
 * "transient": worth another try soon (408, 409, 429, 5xx, resets, DNS, time-outs, answers that break off).
 * "checksum": the bytes changed on their way: a few more tries, then it is no accident.
 * "refused": no credentials, or they may not do this: a person or a rotation mends it.
 * "no bucket", "damaged" (an object is stored with other bytes than were sent), "other": trying again is no use.
 */
export interface GcsFault {
  readonly kind: "transient" | "checksum" | "refused" | "no bucket" | "damaged" | "other"
  /** What the server or the network said, in one line. */
  readonly text: string
  /** A clause that says what to do, where one is known. */
  readonly advice?: string
}

/** A fault that the adapter itself found, thrown inside of its promises. */
export class GcsFailure extends Error {
  readonly fault: GcsFault

  constructor(fault: GcsFault) {
    super(fault.text)
    this.fault = fault
  }
}

/** The fields that errors of the client library, node-fetch, gaxios and Node have between them. */
interface AnyError {
  readonly message?: unknown
  readonly code?: unknown
  readonly type?: unknown
  readonly status?: unknown
  readonly response?: { readonly status?: unknown; readonly statusCode?: unknown; readonly data?: unknown }
  readonly errors?: unknown
}

const transientStatuses = new Set([408, 409, 429])
const transientCodes = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "EPROTO",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_STREAM_DESTROYED",
  "ETIMEDOUT",
  "UND_ERR_SOCKET"
])
const transientTypes = new Set(["request-timeout", "body-timeout", "invalid-json"])

const oneLine = (text: string): string => {
  const line = text
    .replace(/\s+/g, " ")
    .replace(/[ .]+$/, "")
    .trimStart()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

/** The reasons (`rateLimitExceeded`) and messages that the JSON API gives. */
const details = (errors: unknown): ReadonlyArray<{ readonly reason: string; readonly message: string }> =>
  Array.isArray(errors)
    ? errors.map((one: AnyError & { readonly reason?: unknown }) => ({
        reason: typeof one?.reason === "string" ? one.reason : "",
        message: typeof one?.message === "string" ? one.message : ""
      }))
    : []

/** What an answer of the server with an error status means. `text`: its message; `reasons`: as the JSON API gives them. */
export const faultOfStatus = (
  status: number,
  text: string,
  reasons: ReadonlyArray<string> = []
): GcsFault => {
  const said = `HTTP ${status}${text === "" ? "" : `, ${oneLine(text)}`}`
  if (transientStatuses.has(status) || status >= 500) return { kind: "transient", text: said }
  if (status === 403 && reasons.some((reason) => /rateLimitExceeded$/i.test(reason)))
    return { kind: "transient", text: said }
  if (status === 401 || status === 403) return { kind: "refused", text: said }
  if (status === 404 && /bucket/i.test(text) && /not exist|not found/i.test(text))
    return { kind: "no bucket", text: said }
  if (status === 400 && /crc32c|md5|checksum/i.test(text)) return { kind: "checksum", text: said }
  return { kind: "other", text: said }
}

const tokenErrors = /invalid_grant|invalid_client|unauthorized_client|invalid_request|account_disabled/
const noCredentials =
  /could not load the default credentials|unable to read the credential file|could not refresh access token|no (?:key|refresh token)/i

/** The `error` of a token server's answer. */
const oauthError = (data: unknown): string =>
  typeof data === "object" && data !== null && "error" in data && typeof data.error === "string"
    ? data.error
    : ""

/** A status or code that was thrown: a number or its text, else NaN. */
const statusOf = (value: unknown): number =>
  typeof value === "number" || typeof value === "string" ? Number(value) : NaN

/** What was thrown, as text: not everything can be made one. */
const textOf = (cause: unknown): string => {
  try {
    return String(cause)
  } catch {
    return "something that cannot be shown was thrown"
  }
}

/** What anything thrown by the client library means. */
export const faultOf = (cause: unknown): GcsFault => {
  if (cause instanceof GcsFailure) return cause.fault
  const error: AnyError = typeof cause === "object" && cause !== null ? cause : { message: textOf(cause) }
  const found = details(error.errors)
  const text =
    found.find(({ message }) => message !== "")?.message ??
    (typeof error.message === "string" ? error.message : textOf(cause))
  const reasons = found.map(({ reason }) => reason)
  const code = typeof error.code === "string" ? error.code : ""
  if (noCredentials.test(text)) return { kind: "refused", text: oneLine(text) }
  // gaxios asks for tokens: what it is refused is about credentials, whatever the status.
  const tokenStatus = statusOf(error.response?.status ?? error.status)
  if (tokenErrors.test(text) || tokenErrors.test(oauthError(error.response?.data)))
    return { kind: "refused", text: oneLine(text) }
  const status = statusOf(error.code)
  if (Number.isInteger(status) && status >= 400 && status < 600) return faultOfStatus(status, text, reasons)
  if (Number.isInteger(tokenStatus) && tokenStatus >= 400) {
    const fault = faultOfStatus(tokenStatus, text, reasons)
    return fault.kind === "transient" ? fault : { kind: "refused", text: fault.text }
  }
  if (
    transientCodes.has(code) ||
    (typeof error.type === "string" && transientTypes.has(error.type)) ||
    /socket hang up|premature close|timed? ?out|aborted/i.test(text)
  )
    return { kind: "transient", text: oneLine(text) }
  if (/^(?:CERT_|ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(code))
    return {
      kind: "other",
      text: oneLine(text),
      advice: "its certificate is not trusted: name its authority in NODE_EXTRA_CA_CERTS"
    }
  return { kind: "other", text: oneLine(text) }
}
