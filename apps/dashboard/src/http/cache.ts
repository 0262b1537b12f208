import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { charts } from "../charts.ts"
import { Effect } from "effect"
import { createHash } from "node:crypto"

/** Answers kept; an answer is a few kB. */
const kept = 500

const etagOf = (version: string, url: string): string =>
  `"${createHash("sha256").update(`${version}\n${url}`).digest("base64url").slice(0, 22)}"`

/**
 * Nothing is computed twice for a version: an answer is kept by (version, URL) and found again by its ETag. `version`
 * answers the version in force, undefined when nothing can be kept.
 */
export const makeAnswerCache = (version: Effect.Effect<string | undefined>) => {
  const answers = new Map<string, HttpServerResponse.HttpServerResponse>()
  return <E, R>(app: HttpApp.Default<E, R>): HttpApp.Default<E, R | HttpServerRequest.HttpServerRequest> =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const before = yield* version
      const path = request.url.split("?", 1)[0]
      const cacheable = request.method === "GET" && Object.hasOwn(charts, path.replace("/api/", ""))
      if (before === undefined || !cacheable) return yield* app
      const etag = etagOf(before, request.url)
      const headers = { etag, "cache-control": "no-cache" }
      if (request.headers["if-none-match"] === etag) return HttpServerResponse.empty({ status: 304, headers })
      const found = answers.get(etag)
      if (found !== undefined) return found
      const response = yield* app
      // A version that came into force meanwhile may be the one that answered: it has no ETag this time.
      if (response.status !== 200 || response.body._tag !== "Uint8Array" || (yield* version) !== before) {
        return response
      }
      const tagged = HttpServerResponse.setHeaders(response, headers)
      answers.set(etag, tagged)
      if (answers.size > kept) answers.delete(answers.keys().next().value as string)
      return tagged
    })
}
