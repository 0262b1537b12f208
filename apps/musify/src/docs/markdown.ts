import type { StarSchema, TableDescription } from "./describeModels.ts"

/** Text in a cell of a table. */
const cell = (text: string): string => text.replaceAll("|", "\\|")
const code = (names: ReadonlyArray<string>): string => names.map((name) => `\`${name}\``).join(", ")

const section = (table: TableDescription): string =>
  [
    `### ${table.name}`,
    "",
    `${table.description} ${table.kind}: ${table.grain}.${table.published === "no" ? "" : ` Published ${table.published}.`}`,
    "",
    "| column | type | key | |",
    "|---|---|---|---|",
    ...table.columns.map(({ description, key, name, nullable, references, type }) => {
      const keys = [...(key ? ["key"] : []), ...(references === null ? [] : [`→ ${references}`])].join(" ")
      return `| \`${name}\` | ${type}${nullable ? "?" : ""} | ${keys} | ${cell(description)} |`
    }),
    "",
    `Made from ${code(table.madeFrom) || "nothing"}.`,
    ...(table.audits.length === 0 ? [] : ["", "Audits:", "", ...table.audits.map((audit) => `- ${audit}`)]),
    ""
  ].join("\n")

/** docs/star-schema.md: the same as the page, for readers of the repository. */
export const starSchemaMarkdown = ({ sources, tables }: StarSchema): string =>
  [
    "# The star schema",
    "",
    "Generated from the declarations of the models (`libs/warehouse/src/models`) by `musify docs --markdown docs/star-schema.md`. `musify docs` writes the same as a page, with the lineage as a diagram; `musify docs --json` for programs. `?` after a type: may be NULL.",
    "",
    "![Facts and their dimensions](images/star-schema.svg)",
    "",
    "| table | kind | grain |",
    "|---|---|---|",
    ...tables.map(({ grain, kind, name }) => `| [${name}](#${name}) | ${kind} | ${cell(grain)} |`),
    "",
    "## Tables",
    "",
    ...tables.map(section),
    "## Sources",
    "",
    ...sources.map(({ description, name }) => `- \`${name}\`: ${description}`),
    ""
  ].join("\n")
