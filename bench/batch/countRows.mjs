// node --import bench/batch/countRows.mjs PROGRAM: lets DuckDB profile every statement of the program, and writes what
// each has read and written, one JSON object a line, into the file that ROWS names.
import { DuckDBConnection } from "@duckdb/node-api"
import { appendFileSync, readFileSync, rmSync } from "node:fs"
import process from "node:process"

const file = process.env.ROWS
const profile = `${file}.json`
const changing = /^(BATCH_)?(INSERT|UPDATE|DELETE|COPY_TO_FILE|CREATE_TABLE_AS)/

/** Rows that scans have looked at (those of skipped row groups left out), and rows that came into a change. */
const counts = ({ children, operator_rows_scanned, operator_type }, sum) => {
  if (/SCAN/.test(operator_type)) sum.read += operator_rows_scanned
  if (changing.test(operator_type)) for (const child of children) sum.written += child.operator_cardinality
  for (const child of children) counts(child, sum)
}

const { run } = DuckDBConnection.prototype
const opened = new WeakSet()
/** All others are made of it. */
DuckDBConnection.prototype.run = async function (sql, ...rest) {
  if (!opened.has(this)) {
    opened.add(this)
    await run.call(this, "SET enable_profiling = 'json'")
    await run.call(this, `SET profiling_output = '${profile}'`)
  }
  rmSync(profile, { force: true })
  const result = await run.call(this, sql, ...rest)
  let tree
  try {
    tree = JSON.parse(readFileSync(profile, "utf8"))
  } catch {
    // BEGIN, SET and their like leave no profile.
    return result
  }
  const sum = { read: 0, written: 0 }
  for (const child of tree.children ?? []) counts(child, sum)
  if (sql.startsWith("CREATE OR REPLACE TEMP TABLE")) sum.written = 0
  appendFileSync(file, `${JSON.stringify({ ...sum, cpu_s: tree.cpu_time, s: tree.latency, sql })}\n`)
  return result
}
