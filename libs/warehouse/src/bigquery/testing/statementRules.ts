import type { Resolved } from "./GoogleSqlAnalyzer.ts"
import { nodesOf } from "./GoogleSqlAnalyzer.ts"

const idOf = (column: Resolved): number => Number((column["columnId"] as { readonly low: number }).low)

const columnIds = (value: unknown): ReadonlyArray<number> =>
  nodesOf(value, "resolvedColumnRefNode").map((node) => idOf(node["column"] as Resolved))

interface Call {
  readonly name: string
  readonly args: ReadonlyArray<unknown>
}

const call = (expression: unknown): Call | undefined => {
  const base = (expression as Resolved | undefined)?.["resolvedFunctionCallBaseNode"] as Resolved | undefined
  const parent = (base?.["resolvedFunctionCallNode"] as Resolved | undefined)?.["parent"] as
    Resolved | undefined
  if (parent === undefined) return undefined
  return {
    name: String((parent["function"] as Resolved)["name"]).replace("ZetaSQL:", ""),
    args: parent["argumentList"] as ReadonlyArray<unknown>
  }
}

const conjuncts = (expression: unknown): ReadonlyArray<Call> => {
  const one = call(expression)
  if (one === undefined) return []
  return one.name === "$and" ? one.args.flatMap(conjuncts) : [one]
}

/** Conditions that hold for the rows that a statement reads. */
const conditions = (node: Resolved): ReadonlyArray<Call> =>
  ["filterExpr", "whereExpr", "joinExpr"].flatMap((name) => nodesOf(node, name).flatMap(conjuncts))

const lowerBounds = new Set(["$greater", "$greater_or_equal", "$equal", "$between"])

/**
 * Scans of tables that must be bounded by a constant (a literal, a variable, a function of them) on their partitioning
 * column from below, and are not: BigQuery would read every partition, or refuse.
 */
const unboundedScans = (node: Resolved, partitioned: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const bounded = new Set(
    conditions(node)
      .filter(
        ({ args, name }) => lowerBounds.has(name) && args.slice(1).every((arg) => columnIds(arg).length === 0)
      )
      .flatMap(({ args }) =>
        (args[0] as Resolved)["resolvedColumnRefNode"] === undefined ? [] : columnIds(args[0])
      )
  )
  const scans = [...nodesOf(node, "resolvedTableScanNode"), ...nodesOf(node, "tableScan")]
  // An INSERT's target is no scan.
  const target = nodesOf(node, "resolvedInsertStmtNode").map((insert) => insert["tableScan"])
  return scans.flatMap((scan) => {
    const table = String((scan["table"] as Resolved)["name"])
    const wanted = partitioned.get(table)
    if (wanted === undefined || target.includes(scan)) return []
    const columns = (scan["parent"] as Resolved)["columnList"] as ReadonlyArray<Resolved>
    const column = columns.find(({ name }) => name === wanted)
    return column !== undefined && bounded.has(idOf(column))
      ? []
      : [`${table} is read without a constant bound on ${wanted}`]
  })
}

const joinTypes = ["INNER", "LEFT", "RIGHT", "FULL"]

const scannedIds = (scan: unknown): ReadonlySet<number> =>
  new Set(
    nodesOf(scan, "columnList").flatMap((list) => (list as unknown as ReadonlyArray<Resolved>).map(idOf))
  )

const within = (ids: ReadonlyArray<number>, all: ReadonlySet<number>): boolean =>
  ids.length > 0 && ids.every((id) => all.has(id))

/** Outer joins without an equality of their two sides: BigQuery refuses to run them. */
const looseJoins = (node: Resolved): ReadonlyArray<string> =>
  nodesOf(node, "resolvedJoinScanNode").flatMap((join) => {
    const type = joinTypes[Number(join["joinType"])]
    if (type === "INNER") return []
    const left = scannedIds(join["leftScan"])
    const right = scannedIds(join["rightScan"])
    const isKeyed = conjuncts(join["joinExpr"]).some(({ args, name }) => {
      if (name !== "$equal") return false
      const [a, b] = args.map(columnIds)
      return (within(a, left) && within(b, right)) || (within(a, right) && within(b, left))
    })
    return isKeyed ? [] : [`a ${type} JOIN has no equality of its two sides`]
  })

/** Subqueries that look outside by more than an equality: BigQuery runs only those that it can make a join of. */
const looseSubqueries = (node: Resolved): ReadonlyArray<string> =>
  nodesOf(node, "resolvedSubqueryExprNode").flatMap((subquery) => {
    const outside = new Set(
      (subquery["parameterList"] as ReadonlyArray<Resolved>).map((one) => idOf(one["column"] as Resolved))
    )
    if (outside.size === 0) return []
    const isKeyed = conditions(subquery).some(({ args, name }) => {
      if (name !== "$equal") return false
      const [a, b] = args.map((arg) => columnIds(arg).some((id) => outside.has(id)))
      return a !== b
    })
    return isKeyed ? [] : ["a correlated subquery has no equality with what is outside of it"]
  })

/** Orders of windows and aggregates that say where NULLs go: BigQuery takes only some of them there. */
const nullOrders = (node: Resolved): ReadonlyArray<string> =>
  ["functionGroupList", "orderByItemList"].flatMap((name) =>
    nodesOf(node, name).flatMap((list) =>
      nodesOf(list, "nullOrder").some((order) => Number(order) !== 0)
        ? ["NULLS FIRST or LAST in a window"]
        : []
    )
  )

/** What BigQuery would refuse, or pay for, that the analyzer lets pass. `partitioned`: table → column to bound. */
export const brokenRules = (
  node: Resolved,
  partitioned: ReadonlyMap<string, string>
): ReadonlyArray<string> => [
  ...unboundedScans(node, partitioned),
  ...looseJoins(node),
  ...looseSubqueries(node),
  ...nullOrders(node)
]
