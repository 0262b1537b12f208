import { Buffer } from "node:buffer"
import { spawn } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { findPorts } from "../../../../../tools/services/findPorts.ts"
import type { BuildVariable, SqlType } from "../../Dialect.ts"
import { buildVariables } from "../../Dialect.ts"
import { googleSqlType, scriptVariable } from "../googleSqlDialect.ts"

/** A node of a resolved statement, as the analyzer's server sends it. */
export type Resolved = { readonly [name: string]: unknown }

interface Column {
  readonly name: string
  readonly type: string
}

interface Client {
  testConnection(): Promise<boolean>
  getLanguageOptions(options: object): Promise<Record<string, unknown>>
  registerCatalog(
    request: object
  ): Promise<{ readonly registeredId?: unknown; registeredCatalogId?: unknown }>
  unRegisterCatalog(request: object): Promise<unknown>
  analyze(request: object): Promise<{
    readonly resumeBytePosition: number
    readonly resolvedStatement: Resolved
  }>
}

const folder = path.resolve(import.meta.dirname, "../../../../../tools/zetasql")

/** ZetaSQL's numbers of the types that tables have. */
const typeNames: Readonly<Record<number, string>> = {
  2: "INT64",
  5: "BOOL",
  7: "FLOAT64",
  8: "STRING",
  10: "DATE",
  19: "TIMESTAMP"
}

const typeName = (column: Resolved): string => {
  const kind = (column["type"] as Resolved)["typeKind"] as number
  return typeNames[kind] ?? `type ${kind}`
}

const options = [
  ["description", "STRING"],
  ["require_partition_filter", "BOOL"],
  ["labels", undefined]
] as const

/** What has a name, wherever it is below. */
export const nodesOf = (value: unknown, kind: string): ReadonlyArray<Resolved> => {
  if (Array.isArray(value)) return value.flatMap((one) => nodesOf(one, kind))
  if (value === null || typeof value !== "object") return []
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === kind && inner !== null ? [inner as Resolved] : []),
    ...nodesOf(inner, kind)
  ])
}

/**
 * GoogleSQL's own analyzer (npm's build of ZetaSQL, in tools/zetasql): resolves names and types of statements against
 * declared tables. It does not read DECLARE, SET and IF; variables stand in it as query parameters.
 */
export class GoogleSqlAnalyzer {
  private tables = new Map<string, ReadonlyArray<Column>>()
  private catalog: unknown = undefined
  private readonly client: Client
  private readonly language: Record<string, unknown>
  private readonly kinds: Map<string, number | string>
  readonly stop: () => void

  private constructor(
    client: Client,
    language: Record<string, unknown>,
    kinds: Map<string, number | string>,
    stop: () => void
  ) {
    this.client = client
    this.language = language
    this.kinds = kinds
    this.stop = stop
  }

  /** Starts the analyzer's server on a free port of 127.0.0.1. */
  static async start(): Promise<GoogleSqlAnalyzer> {
    const manifest = path.join(folder, "package.json")
    const require = createRequire(manifest)
    if (!fs.existsSync(path.join(folder, "node_modules")))
      throw new Error("GoogleSQL's analyzer is not installed: run node tools/bigquery/install.mjs")
    const library = path.dirname(require.resolve("@fivetrandevelopers/zetasql"))
    const { TypeFactory, ZetaSQLClient } = require("@fivetrandevelopers/zetasql")
    const [port] = await findPorts(1)
    const server = spawn(path.join(library, "zetasql", "remote_server.so"), ["localhost", String(port)], {
      stdio: ["ignore", "ignore", "inherit"]
    })
    const stop = () => {
      server.kill("SIGKILL")
    }
    try {
      ZetaSQLClient.init(port)
      const client = ZetaSQLClient.getInstance() as Client
      // A look takes up to eight seconds, which a busy machine needs to load so large a program.
      for (let looks = 1; !(await client.testConnection()); looks++)
        if (looks === 20 || server.exitCode !== null) throw new Error("GoogleSQL's analyzer did not start.")
      const most = await client.getLanguageOptions({ maximumFeatures: true })
      const language = {
        ...most,
        // BigQuery's CREATE VIEW takes them.
        enabledLanguageFeatures: [
          ...(most["enabledLanguageFeatures"] as ReadonlyArray<unknown>),
          "FEATURE_CREATE_VIEWS_WITH_COLUMN_OPTIONS"
        ],
        productMode: "PRODUCT_EXTERNAL",
        supportedStatementKinds: []
      }
      const factory = TypeFactory ?? require("@fivetrandevelopers/zetasql/lib/TypeFactory").TypeFactory
      return new GoogleSqlAnalyzer(client, language, factory.SIMPLE_TYPE_KIND_NAMES, stop)
    } catch (cause) {
      stop()
      throw cause
    }
  }

  /** Declares a table; a name that is known is replaced. */
  declare(name: string, columns: ReadonlyArray<Column>): void {
    this.tables.set(name, columns)
    this.catalog = undefined
  }

  /** Forgets the tables that are not in the list. */
  keep(names: ReadonlySet<string>): void {
    this.tables = new Map([...this.tables].filter(([name]) => names.has(name)))
    this.catalog = undefined
  }

  /** Resolves one statement; fails with the analyzer's message and the statement. Answers its columns, if any. */
  async resolve(
    statement: string
  ): Promise<{ readonly node: Resolved; readonly columns: ReadonlyArray<Column> }> {
    // A variable of the script stands as a query parameter of its type.
    const input = statement.replaceAll(/(?<!@)\bv_(\w+)\b/g, (_, name: string) => `@v_${name}`)
    let node: Resolved
    try {
      const answer = await this.client.analyze({
        options: this.analyzerOptions(),
        registeredCatalogId: await this.registered(),
        parseResumeLocation: { input, bytePosition: 0, allowResume: true }
      })
      if (Buffer.from(input).subarray(answer.resumeBytePosition).toString().trim() !== "")
        throw new Error("more than one statement")
      node = answer.resolvedStatement
    } catch (cause) {
      const { details, message } = cause as { details?: string; message: string }
      throw new Error(`${details ?? message}\n${input}`, { cause })
    }
    const query = ["resolvedQueryStmtNode", "resolvedCreateTableAsSelectStmtNode"].flatMap((kind) =>
      nodesOf(node, kind)
    )
    const outputs = (query[0]?.["outputColumnList"] ?? []) as ReadonlyArray<Resolved>
    const columns = outputs.map((column) => ({
      name: String(column["name"]),
      type: typeName(column["column"] as Resolved)
    }))
    return { node, columns }
  }

  private type(name: string) {
    return { typeKind: this.kinds.get(name.toLowerCase()) }
  }

  private analyzerOptions() {
    return {
      languageOptions: this.language,
      defaultTimezone: "UTC",
      errorMessageMode: "ERROR_MESSAGE_ONE_LINE",
      pruneUnusedColumns: true,
      queryParameters: (Object.entries(buildVariables) as ReadonlyArray<[BuildVariable, SqlType]>).map(
        ([name, type]) => ({ name: scriptVariable(name), type: this.type(googleSqlType(type)) })
      ),
      allowedHintsAndOptions: {
        disallowUnknownOptions: true,
        disallowDuplicateOptionNames: true,
        option: options.map(([name, type]) => ({
          name,
          ...(type === undefined ? {} : { type: this.type(type) })
        }))
      }
    }
  }

  private async registered(): Promise<unknown> {
    if (this.catalog !== undefined) return this.catalog
    let serial = 1
    const { registeredCatalogId, registeredId } = await this.client.registerCatalog({
      simpleCatalog: {
        name: "warehouse",
        table: [...this.tables].map(([name, columns]) => ({
          name,
          serializationId: serial++,
          column: columns.map((column) => ({
            name: column.name,
            type: this.type(column.type),
            isWritableColumn: true
          }))
        })),
        builtinFunctionOptions: { languageOptions: this.language }
      }
    })
    this.catalog = registeredId ?? registeredCatalogId
    return this.catalog
  }
}
