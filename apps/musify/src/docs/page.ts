import type { StarSchema, TableDescription } from "./describeModels.ts"
import { escaped, lineageDiagram, starDiagram } from "./diagrams.ts"

const style = `
:root { color-scheme: light dark; --line: #8886; --quiet: #667; }
@media (prefers-color-scheme: dark) { :root { --quiet: #aab; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 16px; }
h1 { font-size: 24px; } h2 { font-size: 20px; margin-top: 40px; } h3 { font-size: 16px; margin: 32px 0 4px; }
code, h3 { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; margin: 8px 0; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); }
.figure, .scroll { overflow-x: auto; }
.figure { border: 1px solid var(--line); border-radius: 8px; background: #fff; }
.quiet { color: var(--quiet); }
nav { columns: 14rem; font-family: ui-monospace, monospace; font-size: 13px; }
:target { background: #fc83; }
`

const link = (name: string): string => `<a href="#${name}"><code>${name}</code></a>`
const links = (names: ReadonlyArray<string>): string =>
  names.length === 0 ? `<span class="quiet">nothing</span>` : names.map(link).join(", ")

const notes = ({ cluster, partition, published }: TableDescription): string =>
  [
    ...(partition === null ? [] : [`cut by the UTC day of <code>${partition}</code>`]),
    ...(cluster.length === 0
      ? []
      : [`kept together by ${cluster.map((name) => `<code>${name}</code>`).join(", ")}`]),
    published === "no" ? "not published" : `published ${published}`
  ].join("; ")

const section = (table: TableDescription): string => `
<section>
<h3 id="${table.name}">${table.name}</h3>
<p>${escaped(table.description)} <span class="quiet">${table.kind}; ${escaped(table.grain)}; ${notes(table)}.</span></p>
<div class="scroll"><table>
<thead><tr><th>Column</th><th>Type</th><th>Key</th><th>Description</th></tr></thead>
<tbody>
${table.columns
  .map(
    ({ description, key, name, nullable, references, type }) =>
      `<tr><td><code>${name}</code></td><td>${type}${nullable ? ", may be NULL" : ""}</td><td>${[
        ...(key ? ["key"] : []),
        ...(references === null ? [] : [`→ ${link(references)}`])
      ].join(" ")}</td><td>${escaped(description)}</td></tr>`
  )
  .join("\n")}
</tbody></table></div>
<p>Made from ${links(table.madeFrom)}. Read by ${links(table.readBy)}.</p>
${
  table.audits.length === 0
    ? `<p class="quiet">No audit of its own.</p>`
    : `<p>Audits:</p><ul>${table.audits.map((audit) => `<li>${escaped(audit)}</li>`).join("")}</ul>`
}
</section>`

/** A page of its own: no other file, no script, nothing fetched. */
export const starSchemaPage = (schema: StarSchema): string => {
  const columns = schema.tables.reduce((sum, table) => sum + table.columns.length, 0)
  const audits = schema.tables.reduce((sum, table) => sum + table.audits.length, 0)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Musify: the star schema</title>
<style>${style}</style>
</head>
<body>
<h1>The star schema</h1>
<p>${schema.tables.length} tables and views, ${columns} columns, ${audits} audits, generated from the declarations of the models. All times are UTC.</p>
<h2>Facts and dimensions</h2>
<div class="figure">${starDiagram(schema)}</div>
<h2>Lineage</h2>
<p>From the lake and the catalog to the marts. An arrow between tables that follows from others is left out.</p>
<div class="figure">${lineageDiagram(schema)}</div>
<h2>Tables</h2>
<nav>${schema.tables.map(({ name }) => `<div><a href="#${name}">${name}</a></div>`).join("")}</nav>
${schema.tables.map(section).join("\n")}
<h2>Sources</h2>
<ul>
${schema.sources
  .map(
    ({ description, name, readBy }) =>
      `<li id="${name}"><code>${name}</code>: ${escaped(description)} Read by ${links(readBy)}.</li>`
  )
  .join("\n")}
</ul>
</body>
</html>
`
}
