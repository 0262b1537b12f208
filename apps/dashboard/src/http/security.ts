import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { isIP } from "node:net"

/** Only the page's own files: no inline script or style, no other host, no frame, no form. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** Adds what every answer carries. */
export const withSecurityHeaders = HttpServerResponse.setHeaders({
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin"
})

/**
 * Whether a request's Host header names this server. A page of another site that has its own name resolve to 127.0.0.1
 * (DNS rebinding) sends that name here and is refused. Names: localhost, what `host` says, and any literal address when
 * the server listens beyond this machine (an address cannot be rebound).
 */
export const hostAllowed = (header: string | undefined, host: string): boolean => {
  if (header === undefined) return false
  const match = /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d+)?$/i.exec(header)
  if (match === null) return false
  const name = match[1].toLowerCase().replace(/^\[|\]$/g, "")
  if (name === "localhost" || name === "127.0.0.1" || name === "::1" || name === host.toLowerCase())
    return true
  const everywhere = host === "0.0.0.0" || host === "::"
  return everywhere && isIP(name) !== 0
}
