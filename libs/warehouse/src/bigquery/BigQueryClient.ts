import { BigQuery } from "@google-cloud/bigquery"
import { PassThroughClient } from "google-auth-library"
import type { BigQueryOptions } from "./BigQueryOptions.ts"

/** A request to BigQuery's REST API, under the project. */
export interface BigQueryRequest {
  readonly method: "GET" | "POST" | "DELETE"
  /** As `/jobs`. */
  readonly uri: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: object
}

/** One attempt of each request, with nothing tried again. Rejects with what the library throws. */
export interface BigQueryClient {
  readonly request: (request: BigQueryRequest) => Promise<unknown>
}

/** A client of one project; nothing is asked yet. */
export const makeBigQueryClient = (options: BigQueryOptions): BigQueryClient => {
  const client = new BigQuery({
    projectId: options.project,
    location: options.location,
    // Tries are made in one place, by the adapter.
    autoRetry: false,
    ...(options.keyFile === undefined ? {} : { keyFilename: options.keyFile }),
    // Credentials go to Google alone.
    ...(options.endpoint === undefined
      ? {}
      : { apiEndpoint: options.endpoint, authClient: new PassThroughClient() })
  })
  return {
    request: ({ body, method, query, uri }) =>
      new Promise((resolve, reject) => {
        client.request(
          {
            method,
            uri,
            timeout: options.timeoutMs,
            ...(query === undefined ? {} : { qs: query }),
            ...(body === undefined ? {} : { json: body })
          },
          (error: Error | null, answer: unknown) => {
            if (error === null || error === undefined) resolve(answer)
            else reject(error)
          }
        )
      })
  }
}
