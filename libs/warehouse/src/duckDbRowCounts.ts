import { duckDbDialect } from "./duckDbDialect.ts"

/**
 * How many rows tables have, kept beside them from the first time that it was asked for: DuckDB counts by looking at
 * every row. Each transaction that puts rows in or takes them out says so here, as its last statement.
 */
const kept = "table_rows"

export const rowCountsTable = `CREATE TABLE IF NOT EXISTS ${kept} (name VARCHAR NOT NULL, n BIGINT NOT NULL)`

/** The query of what is kept: name, n. */
export const readRowCounts = `SELECT name, n FROM ${kept}`

/** For who has changed tables outside of a session's transactions: they are counted again. */
export const forgetRowCounts = `DELETE FROM ${kept}`

/** Counts tables of which nothing is kept. */
export const countRows = (tables: ReadonlyArray<string>): string =>
  `INSERT INTO ${kept} ${tables.map((name) => `SELECT ${duckDbDialect.text(name)}, count(*) FROM ${name}`).join(" UNION ALL ")}`

const changing = /^\s*(INSERT INTO|DELETE FROM) "?(\w+)/
const replacing = /^\s*(?:DROP|CREATE OR REPLACE) TABLE "?(\w+)/

/** What a transaction does to the counts. */
export class RowChanges {
  /** Rows more or less, by table; undefined for a table that is another one now. */
  private readonly changes = new Map<string, number | undefined>()

  begin(): void {
    this.changes.clear()
  }

  /** Takes in a statement and how many rows it has changed. */
  add(statement: string, rows: number): void {
    const replaced = replacing.exec(statement)?.[1]
    if (replaced !== undefined) this.changes.set(replaced, undefined)
    const [, verb, name] = changing.exec(statement) ?? []
    if (name === undefined || rows === 0) return
    if (this.changes.has(name) && this.changes.get(name) === undefined) return
    this.changes.set(name, (this.changes.get(name) ?? 0) + (verb === "INSERT INTO" ? rows : -rows))
  }

  /** Statements to end the transaction with. */
  statements(): ReadonlyArray<string> {
    const { text } = duckDbDialect
    const replaced = [...this.changes].filter(([, n]) => n === undefined).map(([name]) => text(name))
    const changed = [...this.changes].filter(([, n]) => n !== undefined)
    if (this.changes.size === 0) return []
    return [
      rowCountsTable,
      ...(replaced.length === 0 ? [] : [`DELETE FROM ${kept} WHERE name IN (${replaced.join(", ")})`]),
      ...(changed.length === 0
        ? []
        : [
            `UPDATE ${kept} AS t SET n = t.n + c.n FROM (VALUES ${changed
              .map(([name, n]) => `(${text(name)}, ${n})`)
              .join(", ")}) c(name, n) WHERE t.name = c.name`
          ])
    ]
  }
}
