import type { EventColumn } from "../columns.ts"
import type { Values } from "../EventColumns.ts"
import { BooleanColumn } from "./BooleanColumn.ts"
import type { DictionaryLimits } from "./CodedColumn.ts"
import { FloatColumn } from "./FloatColumn.ts"
import { IntegerColumn } from "./IntegerColumn.ts"
import { KeyTexts } from "./KeyTexts.ts"
import { refused, type RememberedColumn, type ScannedColumn } from "./ScannedColumn.ts"
import { SessionMemory } from "./SessionMemory.ts"
import { TextColumn } from "./TextColumn.ts"

const [openBrace, closeBrace, comma] = [0x7b, 0x7d, 0x2c]

/** Fields that mostly stay as they are while a session lasts. */
const sessionFields = new Set([
  "city",
  "zip",
  "state",
  "userAgent",
  "lon",
  "lat",
  "userId",
  "lastName",
  "firstName",
  "gender",
  "registration",
  "tag"
])

const safe = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }

const columnFor = (column: EventColumn, limits: DictionaryLimits): ScannedColumn => {
  const { name, rule, type } = column
  switch (rule.kind) {
    case "text":
    case "zip":
    case "choice":
      return new TextColumn(column, limits)
    case "boolean":
      return new BooleanColumn()
    case "float":
      return new FloatColumn(column, rule, limits)
    case "integer":
    case "userId":
      if (type !== "timestamp" && type !== "int64" && type !== "int32")
        throw new Error(`${name}: a ${rule.kind} is no ${type}.`)
      return new IntegerColumn(
        column,
        type,
        rule.kind === "userId" ? { ...safe, text: true } : { ...rule, text: false }
      )
  }
}

const isRemembered = (column: ScannedColumn): column is RememberedColumn => "recall" in column

/**
 * Scans JSON objects of known fields, without blanks between, straight into columns. Which field comes next is guessed:
 * the one that came next last time. So any order of keys is fast that a producer keeps to.
 */
export class RowScanner {
  readonly columns: ReadonlyArray<ScannedColumn>
  private readonly time: IntegerColumn
  private readonly session: IntegerColumn
  private readonly sessionBit: number
  private readonly memory: SessionMemory
  private readonly keys: KeyTexts
  /** By the number of a field + 1 (0: the object's beginning): the field that came behind it last. */
  private readonly next: Int32Array
  /** Bits of the fields that must be there, and of those that need not. */
  private readonly required: number
  private readonly nullable: number

  constructor(columns: ReadonlyArray<EventColumn>, limits: DictionaryLimits) {
    if (columns.length > 31) throw new Error(`${columns.length} columns: the scanner has bits for 31.`)
    this.columns = columns.map((column) => columnFor(column, limits))
    this.memory = new SessionMemory(
      this.columns.flatMap((column, n) =>
        sessionFields.has(columns[n].name) && isRemembered(column) ? [[n, column] as const] : []
      )
    )
    const integers = (name: string): readonly [number, IntegerColumn] => {
      const n = columns.findIndex((column) => column.name === name)
      const column = this.columns[n]
      if (column instanceof IntegerColumn) return [n, column]
      throw new Error(`${name} is no column of whole numbers.`)
    }
    this.time = integers("ts")[1]
    const [sessionField, session] = integers("sessionId")
    this.sessionBit = 1 << sessionField
    this.session = session
    this.keys = new KeyTexts(columns.map(({ name }) => name))
    this.next = Int32Array.from({ length: columns.length + 1 }, (_, n) => n % columns.length)
    const bits = (nullable: boolean) =>
      columns.reduce((sum, column, n) => sum | (column.nullable === nullable ? 1 << n : 0), 0)
    this.required = bits(false)
    this.nullable = bits(true)
  }

  /** Makes room for so many rows more. */
  reserve(rows: number): void {
    for (const column of this.columns) column.reserve(rows)
  }

  /** The ts of row `n` of the block. */
  timeOf(n: number): number {
    return this.time.scanned(n)
  }

  /**
   * Notes the object in [at, end) for row `n` of the block; false when the plain decoder must judge it, then `n` is free
   * still. `slack` bytes behind `end` may be read.
   */
  scan(view: DataView, at: number, end: number, n: number): boolean {
    const { columns, keys, memory, next, sessionBit } = this
    memory.begin(n)
    if (at >= end || view.getUint8(at) !== openBrace) return false
    let seen = 0
    let last = 0
    // Where the fields that the session may have in memory begin, and what was seen before; 0: not yet, -1: no more.
    let from = 0
    let before = 0
    do {
      at++
      if (at >= end) return false
      let field = next[last]
      if (!keys.isAt(field, view, at)) {
        field = keys.find(view, at)
        if (field < 0) return false
        next[last] = field
      }
      const bit = 1 << field
      if ((bit & memory.fields) !== 0) {
        if (from === 0 && (seen & sessionBit) !== 0) {
          if (memory.recall(this.session.scanned(n), view, at, end, n)) {
            if ((seen & memory.maskOf(n)) !== 0) return false
            seen |= memory.maskOf(n)
            at += memory.lengthOf(n)
            last = memory.lastOf(n)
            from = -1
            continue
          }
          from = at
          before = seen
        }
      } else if (from > 0) {
        memory.note(this.session.scanned(n), from, at - 1, seen & ~before, last, n)
        from = -1
      }
      // An object with a repeated key is no event.
      if ((seen & bit) !== 0) return false
      seen |= bit
      at = columns[field].scan(view, at + keys.lengths[field], end, n)
      if (at === refused) return false
      last = field + 1
    } while (view.getUint8(at) === comma)
    if (from > 0) memory.note(this.session.scanned(n), from, at, seen & ~before, last, n)
    if (view.getUint8(at) !== closeBrace || at !== end - 1) return false
    if ((seen & this.required) !== this.required) return false
    for (let absent = this.nullable & ~seen; absent !== 0; absent &= absent - 1)
      columns[31 - Math.clz32(absent & -absent)].skip(n)
    return true
  }

  /** Keeps row `n` of the block for what the plain decoder holds. */
  skip(n: number): void {
    this.memory.begin(n)
    for (const column of this.columns) column.skip(n)
  }

  /** Stores the first `count` rows of the block; sets `refusals[n]` where the plain decoder must judge a row after all. */
  store(view: DataView, count: number, refusals: Uint8Array): void {
    this.memory.recallValues(count)
    for (const column of this.columns) column.store(view, count, refusals)
    this.memory.learn(view, count, refusals)
  }

  /** Takes out a row that was stored; those behind it move up. */
  remove(row: number): void {
    for (const column of this.columns) column.remove(row)
  }

  take(): ReadonlyArray<Values> {
    const taken = this.columns.map((column) => column.take())
    this.memory.forgetOld()
    return taken
  }
}
