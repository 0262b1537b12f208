import { googleSqlType } from "../googleSqlDialect.ts"
import type { BuildVariable } from "../../Dialect.ts"
import { buildVariables } from "../../Dialect.ts"
import type { Table } from "../../Model.ts"
import type { GoogleSqlAnalyzer } from "./GoogleSqlAnalyzer.ts"
import { nodesOf } from "./GoogleSqlAnalyzer.ts"
import { brokenRules } from "./statementRules.ts"

/**
 * Checks statements in the order in which they would be sent: types by GoogleSQL's analyzer against declared tables,
 * and BigQuery's own rules. A table that a statement makes is there for those after it.
 */
export class ScriptChecker {
  private readonly stored = new Set<string>()
  private readonly partitioned = new Map<string, string>()
  /** Statements checked. */
  count = 0

  readonly analyzer: GoogleSqlAnalyzer

  constructor(analyzer: GoogleSqlAnalyzer) {
    this.analyzer = analyzer
  }

  /** Declares stored tables, also under their full names in `dataset`. */
  declare(dataset: string, tables: ReadonlyArray<Table>): void {
    for (const { boundRequired, columns, name, partition } of tables) {
      const own = columns.map((column) => ({ name: column.name, type: googleSqlType(column.type) }))
      for (const one of [name, `${dataset}.${name}`]) {
        this.analyzer.declare(one, own)
        this.stored.add(one)
        if (partition !== undefined && boundRequired === true) this.partitioned.set(one, partition)
      }
    }
  }

  /** Says that a view's readers must bound a column, as its tables demand. */
  bound(view: string, column: string): void {
    this.partitioned.set(view, column)
  }

  /** Ends a script: its temporary tables are gone. */
  end(): void {
    this.analyzer.keep(this.stored)
  }

  async check(statements: ReadonlyArray<string>): Promise<void> {
    for (const statement of statements) await this.one(statement)
  }

  /**
   * Checks a whole script as it is sent, but for what the analyzer does not read: DECLARE, and IF, of which it gets the
   * condition and the statements.
   */
  async script(text: string): Promise<void> {
    const statements = text
      .replace(/^IF (.+) THEN\n/gm, "SELECT $1;\n")
      .split(";\n")
      .filter((statement) => statement !== "" && !/^(?:DECLARE |IF |END IF)/.test(statement))
      // The one variable that is no parameter of a scan.
      .map((statement) =>
        statement.replace(/^SET audit_failures = /, "SELECT ").replace(/\baudit_failures\b/g, "''")
      )
    await this.check(statements)
    this.end()
  }

  private async one(statement: string): Promise<void> {
    this.count++
    const set = /^SET v_(\w+) = ([\s\S]*)$/.exec(statement)
    const { columns, node } = await this.analyzer.resolve(set === null ? statement : `SELECT ${set[2]}`)
    // A view reads nothing: whoever asks it bounds it.
    const isView = statement.startsWith("CREATE OR REPLACE VIEW")
    const broken = brokenRules(node, isView ? new Map() : this.partitioned)
    if (broken.length > 0) throw new Error(`${broken.join("; ")}\n${statement}`)
    if (set !== null) {
      const wanted = googleSqlType(buildVariables[set[1] as BuildVariable])
      if (columns[0].type !== wanted)
        throw new Error(`${set[1]} is declared ${wanted} and set to ${columns[0].type}\n${statement}`)
    }
    const made = /^CREATE (?:OR REPLACE )?(?:(TEMP) )?TABLE (?:IF NOT EXISTS )?(\w+)/.exec(statement)
    if (made !== null && nodesOf(node, "resolvedCreateTableAsSelectStmtNode").length > 0) {
      this.analyzer.declare(made[2], columns)
      if (made[1] === undefined) this.stored.add(made[2])
    }
  }
}
