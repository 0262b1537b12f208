import * as HttpServerResponse from "@effect/platform/HttpServerResponse"

const titles: Readonly<Record<number, string>> = {
  400: "A parameter is wrong",
  403: "This host name is not served",
  404: "There is nothing here",
  405: "This method is not allowed",
  500: "The dashboard failed",
  503: "Not available yet"
}

/** Problem details; `status` keeps its literal type, by which the API tells its problems apart. */
export const problemOf = <const Status extends number>(status: Status, detail: string) => ({
  type: "about:blank",
  title: titles[status] ?? "Request failed",
  status,
  detail
})

/** An error answer as RFC 9457 says. */
export const problemResponse = (status: number, detail: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(problemOf(status, detail)), {
    status,
    contentType: "application/problem+json"
  })
