import type { EventColumn } from "./columns.ts"
import type { Values } from "./EventColumns.ts"
import type { Rule } from "./fields.ts"
import { integerText, loneSurrogate } from "./fields.ts"

/** Fills one column, row by row. A row that is refused later is written over by the next. */
export interface ColumnBuilder {
  /** Stores a value of JSON.parse at `row`; the reason, if it cannot. `undefined` is a field that is absent. */
  set(row: number, value: unknown): string | undefined
  /** The first `count` rows; the builder is then empty. */
  take(count: number): Values
}

const typeName = (value: unknown): string =>
  value === null
    ? "null"
    : Array.isArray(value)
      ? "an array"
      : typeof value === "object"
        ? "an object"
        : `a ${typeof value}`

const absent = (name: string, value: unknown): string =>
  value === undefined ? `missing: ${name}` : `wrong type: ${name} is null`
const wrongType = (name: string, value: unknown, expected: string): string =>
  `wrong type: ${name} is ${typeName(value)}, not ${expected}`
const outOfRange = (name: string, value: number, min: number, max: number): string =>
  `out of range: ${name} is ${value}, not in [${min}, ${max}]`

const initialCapacity = 1024

/** Builders must agree on how values grow: doubled, never per row. */
const grownCapacity = (row: number, capacity: number): number => Math.max(row + 1, capacity * 2)

class Nulls {
  private flags: Uint8Array = new Uint8Array(initialCapacity)
  private any = false
  set(row: number, flag: 0 | 1): void {
    if (row >= this.flags.length) {
      const grown = new Uint8Array(grownCapacity(row, this.flags.length))
      grown.set(this.flags)
      this.flags = grown
    }
    this.flags[row] = flag
    if (flag === 1) this.any = true
  }
  take(count: number): Uint8Array | undefined {
    const taken = this.any ? this.flags.slice(0, count) : undefined
    this.any = false
    return taken
  }
}

type NumberKind = {
  readonly whole: boolean
  readonly text: boolean
  readonly min: number
  readonly max: number
}

class NumberBuilder implements ColumnBuilder {
  private readonly name: string
  private readonly type: "timestamp" | "int64" | "float64" | "int32"
  private readonly kind: NumberKind
  private readonly nulls: Nulls | undefined
  private values: Float64Array | Int32Array

  constructor(column: EventColumn, type: "timestamp" | "int64" | "float64" | "int32", kind: NumberKind) {
    this.name = column.name
    this.type = type
    this.kind = kind
    this.nulls = column.nullable ? new Nulls() : undefined
    this.values = this.empty(initialCapacity)
  }

  private empty(capacity: number): Float64Array | Int32Array {
    return this.type === "int32" ? new Int32Array(capacity) : new Float64Array(capacity)
  }

  set(row: number, value: unknown): string | undefined {
    const kind = this.kind
    if (kind.text && typeof value === "string") {
      if (value === "") value = null
      else if (integerText.test(value)) value = Number(value)
    }
    if (value === null || value === undefined) {
      if (this.nulls === undefined) return absent(this.name, value)
      this.nulls.set(row, 1)
      this.put(row, 0)
      return undefined
    }
    if (typeof value !== "number") return wrongType(this.name, value, kind.whole ? "an integer" : "a number")
    if (!(value >= kind.min && value <= kind.max)) return outOfRange(this.name, value, kind.min, kind.max)
    if (kind.whole && !Number.isInteger(value)) return wrongType(this.name, value, "an integer")
    if (this.nulls !== undefined) this.nulls.set(row, 0)
    // + 0 turns −0 into 0.
    this.put(row, value + 0)
    return undefined
  }

  private put(row: number, value: number): void {
    if (row >= this.values.length) {
      const grown = this.empty(grownCapacity(row, this.values.length))
      grown.set(this.values)
      this.values = grown
    }
    this.values[row] = value
  }

  take(count: number): Values {
    return {
      type: this.type,
      values: this.values.slice(0, count),
      nulls: this.nulls?.take(count)
    } as Values
  }
}

class TextBuilder implements ColumnBuilder {
  private readonly name: string
  private readonly nullable: boolean
  private readonly integers: boolean
  private values: Array<string | null> = []

  constructor(column: EventColumn, integers: boolean) {
    this.name = column.name
    this.nullable = column.nullable
    this.integers = integers
  }

  set(row: number, value: unknown): string | undefined {
    if (typeof value !== "string") {
      if (value === null || value === undefined) {
        if (!this.nullable) return absent(this.name, value)
        this.values[row] = null
        return undefined
      }
      if (!this.integers) return wrongType(this.name, value, "a string")
      if (!Number.isSafeInteger(value)) return wrongType(this.name, value, "a string or an integer")
      this.values[row] = String(value)
      return undefined
    }
    if (loneSurrogate.test(value)) return `invalid text: ${this.name} has a lone surrogate`
    this.values[row] = value
    return undefined
  }

  take(count: number): Values {
    const values = this.values
    this.values = []
    values.length = count
    return { type: "string", values }
  }
}

class ChoiceBuilder implements ColumnBuilder {
  private readonly name: string
  private readonly choices: ReadonlyArray<string>
  private values: Array<string> = []

  constructor(column: EventColumn, choices: ReadonlyArray<string>) {
    this.name = column.name
    this.choices = choices
  }

  set(row: number, value: unknown): string | undefined {
    const choices = this.choices
    for (let i = 0; i < choices.length; i++)
      if (choices[i] === value) {
        this.values[row] = choices[i]
        return undefined
      }
    if (value === null || value === undefined) return absent(this.name, value)
    if (typeof value !== "string") return wrongType(this.name, value, "a string")
    return `out of range: ${this.name} is none of ${choices.join(", ")}`
  }

  take(count: number): Values {
    const values = this.values
    this.values = []
    values.length = count
    return { type: "string", values }
  }
}

class BooleanBuilder implements ColumnBuilder {
  private readonly name: string
  private values: Uint8Array = new Uint8Array(initialCapacity)

  constructor(column: EventColumn) {
    this.name = column.name
  }

  set(row: number, value: unknown): string | undefined {
    if (value !== true && value !== false) {
      if (value === null || value === undefined) return absent(this.name, value)
      return wrongType(this.name, value, "a boolean")
    }
    if (row >= this.values.length) {
      const grown = new Uint8Array(grownCapacity(row, this.values.length))
      grown.set(this.values)
      this.values = grown
    }
    this.values[row] = value ? 1 : 0
    return undefined
  }

  take(count: number): Values {
    return { type: "boolean", values: this.values.slice(0, count), nulls: undefined }
  }
}

const safe = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }

const builderFor = (column: EventColumn, rule: Rule): ColumnBuilder => {
  switch (rule.kind) {
    case "integer":
    case "float":
    case "userId": {
      const type = column.type
      if (type === "string" || type === "boolean")
        throw new Error(`${column.name}: a ${rule.kind} is no ${type}.`)
      const range = rule.kind === "userId" ? safe : rule
      return new NumberBuilder(column, type, {
        whole: rule.kind !== "float",
        text: rule.kind === "userId",
        min: range.min,
        max: range.max
      })
    }
    case "text":
      return new TextBuilder(column, false)
    case "zip":
      return new TextBuilder(column, true)
    case "choice":
      return new ChoiceBuilder(column, rule.values)
    case "boolean":
      return new BooleanBuilder(column)
  }
}

/** The builder of a column, chosen by its rule. */
export const columnBuilder = (column: EventColumn): ColumnBuilder => builderFor(column, column.rule)
