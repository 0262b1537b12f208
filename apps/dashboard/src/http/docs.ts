import * as OpenApi from "@effect/platform/OpenApi"
import { DashboardApi } from "../api/DashboardApi.ts"

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] as string)

const spec = OpenApi.fromApi(DashboardApi)

interface Parameter {
  readonly name: string
  readonly description?: string
  readonly schema?: { readonly description?: string }
}
interface Operation {
  readonly summary?: string
  readonly description?: string
  readonly parameters?: ReadonlyArray<Parameter>
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>
}

const parameterRow = (parameter: Parameter): string =>
  `<tr><th scope="row"><code>${escape(parameter.name)}</code></th><td>${escape(parameter.description ?? parameter.schema?.description ?? "")}</td></tr>`

/** The fields of one row of an answer, as the specification types them. */
const schemaText = (responses: Operation["responses"]): string => {
  const content = (responses["200"]?.content ?? {}) as Record<string, { schema?: unknown }>
  return Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<details><summary>Answer: <code>${escape(type)}</code></summary><pre tabindex="0">${escape(JSON.stringify(schema, null, 2))}</pre></details>`
    )
    .join("")
}

const operation = (path: string, { summary, description, parameters, responses }: Operation): string => `
<section class="panel operation">
  <h2>${escape(summary ?? path.replace("/api/", ""))}</h2>
  <p><code class="path">GET <a href="${path}">${escape(path)}</a></code></p>
  <p>${escape(description ?? "")}</p>
  ${parameters === undefined || parameters.length === 0 ? "" : `<table><caption>Parameters, all optional</caption>${parameters.map(parameterRow).join("")}</table>`}
  ${schemaText(responses)}
</section>`

const page = (): string => {
  const operations = Object.entries(spec.paths).map(([path, item]) =>
    operation(path, (item as unknown as { readonly get: Operation }).get)
  )
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Musify API</title>
  <link rel="icon" href="/assets/icon.svg">
  <link rel="stylesheet" href="/assets/style.css">
</head>
<body class="docs">
  <main>
    <h1>Musify dashboard API</h1>
    <p>${escape(spec.info.description ?? "")}</p>
    <p><a href="/docs/openapi.json">OpenAPI ${escape(spec.openapi)} specification</a> · <a href="/">dashboard</a></p>
    ${operations.join("")}
  </main>
</body>
</html>`
}

/** The API's documentation by path: a page without scripts, and the OpenAPI document. */
export const docsFiles = (): ReadonlyArray<readonly [path: string, contentType: string, text: string]> => [
  ["/docs", "text/html; charset=utf-8", page()],
  ["/docs/openapi.json", "application/json", JSON.stringify(spec)]
]
