import type { BuildVariable, SqlType } from "../Dialect.ts"
import { buildVariables } from "../Dialect.ts"
import type { Check, Transaction } from "../Warehouse.ts"
import type { AuditFailure } from "../WarehouseError.ts"
import { googleSqlType, scriptVariable } from "./googleSqlDialect.ts"

/** The one row that counts the scripts that have changed the warehouse: two batchers never write on one state. */
export const generationTable = "batch_generation"

/** Most characters of a script; BigQuery takes 1 MB. */
export const longestScript = 900_000

/** What a script that finds another generation says. */
export const generationMoved = "another batcher has changed the warehouse"

const declarations = (Object.entries(buildVariables) as ReadonlyArray<[BuildVariable, SqlType]>).map(
  ([name, type]) => `DECLARE ${scriptVariable(name)} ${googleSqlType(type)}`
)

/** Fails unless the warehouse is in the state for which the script was made. */
export const guard = (generation: number): string =>
  `SELECT IF((SELECT generation FROM ${generationTable}) = ${generation}, 0, ERROR('${generationMoved}'))`

/** Says that the warehouse has changed: of scripts that run at a time, one commits. */
export const advance = (generation: number): string =>
  `UPDATE ${generationTable} SET generation = ${generation + 1} WHERE TRUE`

/** The rows that a check finds, as lines of its number and the row's JSON. */
const found = (check: Check, number: number, maxBadRows: number): string =>
  `IFNULL((SELECT STRING_AGG(CONCAT('${number} ', TO_JSON_STRING(r), '\\n'), '') FROM (SELECT * FROM (${check.badRows}) LIMIT ${maxBadRows}) AS r), '')`

const failuresVariable = "audit_failures"

/**
 * Statements that run the checks and leave what they find in a variable. Each check by itself: `suspects` would have to be
 * asked in a block of its own, and saves planning on the machine that runs the batcher, which is not the one that plans here.
 */
export const checkStatements = (checks: ReadonlyArray<Check>, maxBadRows: number): ReadonlyArray<string> =>
  checks.map(
    (check, number) =>
      `SET ${failuresVariable} = CONCAT(${failuresVariable}, ${found(check, number, maxBadRows)})`
  )

const joined = (statements: ReadonlyArray<string>): string => `${statements.join(";\n")};\n`

/** A transaction as one script, with literals. Its last statement answers what the checks have found. */
export const transactionScript = (
  { checks, steps }: Transaction,
  generation: number,
  maxBadRows: number
): string =>
  joined([
    ...declarations,
    `DECLARE ${failuresVariable} STRING DEFAULT ''`,
    `BEGIN TRANSACTION`,
    guard(generation),
    advance(generation),
    ...steps.flatMap(({ statements }) => statements),
    ...checkStatements(checks, maxBadRows),
    // A variable outlives what is rolled back.
    `IF ${failuresVariable} = '' THEN COMMIT TRANSACTION; ELSE ROLLBACK TRANSACTION; END IF`,
    `SELECT ${failuresVariable} AS found`
  ])

/** What the last statement of a transaction's script answers, by check. */
export const readFailures = (
  text: string,
  checks: ReadonlyArray<Check>,
  rowText: (row: Readonly<Record<string, unknown>>) => string
): ReadonlyArray<AuditFailure> => {
  const rows = new Map<number, Array<string>>()
  for (const line of text.split("\n")) {
    if (line === "") continue
    const space = line.indexOf(" ")
    const number = Number(line.slice(0, space))
    rows.set(number, [...(rows.get(number) ?? []), rowText(JSON.parse(line.slice(space + 1)))])
  }
  return [...rows].map(([number, lines]) => ({
    model: checks[number].model,
    audit: checks[number].audit,
    rows: lines,
    query: checks[number].badRows
  }))
}

const isDefinition = (statement: string): boolean => /^(?:CREATE|DROP|ALTER)\b/.test(statement)

/**
 * Definitions and what fills them as scripts of bounded length, in order. BigQuery makes no permanent table in a
 * transaction: definitions stand by themselves, what lies between them is all or nothing. The last one advances.
 */
export const definitionScripts = (
  statements: ReadonlyArray<string>,
  generation: number
): ReadonlyArray<string> => {
  const pieces: Array<{ readonly defines: boolean; readonly statements: Array<string>; length: number }> = []
  for (const statement of [...statements, advance(generation)]) {
    const defines = isDefinition(statement)
    let last = pieces.at(-1)
    if (last?.defines !== defines || last.length + statement.length > longestScript) {
      last = { defines, statements: [], length: 0 }
      pieces.push(last)
    }
    last.statements.push(statement)
    last.length += statement.length
  }
  return pieces.map(({ defines, statements: own }) =>
    joined(
      defines
        ? [guard(generation), ...own]
        : [`BEGIN TRANSACTION`, guard(generation), ...own, `COMMIT TRANSACTION`]
    )
  )
}
