import type {
  CodedNumbers,
  CodedTexts,
  EventColumns,
  PlainNumbers,
  PlainTexts
} from "@musify/domain/EventColumns.ts"
import { TextDictionary } from "@musify/domain/scanner/TextDictionary.ts"
import type { ColumnValues } from "./columnValues.ts"
import { Page } from "./Page.ts"
import type { RowRuns } from "./RowRuns.ts"

/** Rows picked from decoded chunks: those of the runs, end to end, or in another order of them. */
export interface PickedRows {
  readonly chunks: ReadonlyArray<EventColumns>
  readonly runs: RowRuns
  /** Row `i` is row `order[i]` of the runs. */
  readonly order: Uint32Array | undefined
}

/** Column `c` of the picked rows, good until the next column is picked. Codes get a dictionary of their own, which holds what the rows use. */
export const pickColumn = (c: number, picked: PickedRows): ColumnValues => {
  const { chunks, order, runs } = picked
  const columns = chunks.map(({ values }) => values[c])
  const first = columns[runs.chunkOf(0)]
  if (first.codes !== undefined) {
    return first.type === "string"
      ? pickTexts(columns as ReadonlyArray<CodedTexts>, picked)
      : pickFractions(columns as ReadonlyArray<CodedNumbers>, picked)
  }
  if (first.type === "string") return pickPlainTexts(columns as ReadonlyArray<PlainTexts>, picked)
  const numbers = columns as ReadonlyArray<PlainNumbers>
  const values = inOrder(pickNumbers(numbers, runs, first.type), order)
  const nulls = numbers.some((column) => column.nulls !== undefined) ? pickNulls(numbers, runs) : undefined
  return { type: first.type, values, nulls: nulls && inOrder(nulls, order) } as PlainNumbers
}

/** A number for each picked row. */
export const pickOffsets = ({ chunks, order, runs }: PickedRows): Float64Array => {
  const offsets = new Float64Array(runs.count)
  let at = 0
  for (let run = 0; run < runs.length; run++) {
    const part = chunks[runs.chunkOf(run)].offsets.subarray(runs.fromOf(run), runs.toOf(run))
    offsets.set(part, at)
    at += part.length
  }
  return inOrder(offsets, order)
}

const inOrder = <A extends Float64Array | Int32Array | Uint32Array | Uint8Array>(
  values: A,
  order: Uint32Array | undefined
): A => {
  if (order === undefined) return values
  const ordered = values.slice() as A
  for (let i = 0; i < order.length; i++) ordered[i] = values[order[i]]
  return ordered
}

const pickNumbers = (
  columns: ReadonlyArray<PlainNumbers>,
  runs: RowRuns,
  type: PlainNumbers["type"]
): Float64Array | Int32Array | Uint8Array => {
  const { count } = runs
  const values =
    type === "int32"
      ? new Int32Array(count)
      : type === "boolean"
        ? new Uint8Array(count)
        : new Float64Array(count)
  let at = 0
  for (let run = 0; run < runs.length; run++) {
    const part = columns[runs.chunkOf(run)].values.subarray(runs.fromOf(run), runs.toOf(run))
    values.set(part, at)
    at += part.length
  }
  return values
}

const pickNulls = (columns: ReadonlyArray<PlainNumbers>, runs: RowRuns): Uint8Array => {
  const nulls = new Uint8Array(runs.count)
  let at = 0
  for (let run = 0; run < runs.length; run++) {
    const [from, to] = [runs.fromOf(run), runs.toOf(run)]
    const part = columns[runs.chunkOf(run)].nulls?.subarray(from, to)
    if (part !== undefined) nulls.set(part, at)
    at += to - from
  }
  return nulls
}

const pickPlainTexts = (columns: ReadonlyArray<PlainTexts>, { order, runs }: PickedRows): ColumnValues => {
  const texts: Array<string | null> = []
  for (let run = 0; run < runs.length; run++) {
    const { values } = columns[runs.chunkOf(run)]
    for (let row = runs.fromOf(run); row < runs.toOf(run); row++) texts.push(values[row])
  }
  return { type: "string", values: order === undefined ? texts : Array.from(order, (i) => texts[i]) }
}

/** Codes in the file of the column that was picked last; grows to the longest. */
let codesInFile = new Uint32Array(1024)

/** By the code of a chunk: the code in the file, 0 when it has none yet. One of all columns; clean between them. */
let codeInFile = new Int32Array(1024)
/** Codes of a chunk that have one. */
let translated = new Int32Array(1024)

type Coded = CodedNumbers | CodedTexts

const textsOf = (column: Coded): TextDictionary =>
  column.type === "string" ? column.dictionary : column.dictionary.dictionary

/** Whether all runs have codes of one dictionary: then different codes are different values. */
const haveOneDictionary = (columns: ReadonlyArray<Coded>, runs: RowRuns): boolean => {
  const first = textsOf(columns[runs.chunkOf(0)])
  for (let run = 1; run < runs.length; run++) if (textsOf(columns[runs.chunkOf(run)]) !== first) return false
  return true
}

/** Translates the codes of the runs by `add`, which is asked once for each code and dictionary, if not more often. */
const translate = <C extends Coded>(
  columns: ReadonlyArray<C>,
  runs: RowRuns,
  add: (from: C, code: number) => number
): Uint32Array => {
  if (codesInFile.length < runs.count) codesInFile = new Uint32Array(runs.count * 2)
  const codes = codesInFile.subarray(0, runs.count)
  let count = 0
  let known: TextDictionary | undefined
  /** Forgets codes above `from`. */
  const forget = (from: number) => {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const code = translated[i]
      if (code > from) codeInFile[code] = 0
      else translated[kept++] = code
    }
    count = kept
  }
  let at = 0
  for (let run = 0; run < runs.length; run++) {
    const column = columns[runs.chunkOf(run)]
    const from = column.codes
    const texts = textsOf(column)
    if (texts !== known) {
      forget(known === undefined ? 0 : texts.common(known))
      known = texts
      if (codeInFile.length <= texts.count) {
        codeInFile = grown(codeInFile, texts.count)
        translated = grown(translated, texts.count)
      }
    }
    const end = runs.toOf(run)
    for (let row = runs.fromOf(run); row < end; row++, at++) {
      const code = from[row]
      let own = codeInFile[code]
      if (own === 0 && code !== 0) {
        own = codeInFile[code] = add(column, code)
        translated[count++] = code
      }
      codes[at] = own
    }
  }
  forget(0)
  return codes
}

const grown = (array: Int32Array, needed: number): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(needed * 2)
  larger.set(array)
  return larger
}

/** The texts of a file's column, until the next one. */
const page = new Page()

const pickTexts = (columns: ReadonlyArray<CodedTexts>, { order, runs }: PickedRows): ColumnValues => {
  if (haveOneDictionary(columns, runs)) {
    page.end = 0
    let size = 0
    const codes = translate(columns, runs, ({ dictionary }, code) => {
      const length = dictionary.plainLength(code)
      page.reserve(length + 4)
      dictionary.copyPlain(code, page.view, page.end)
      page.end += length
      return ++size
    })
    return { type: "string", codes: inOrder(codes, order), texts: page.written, size }
  }
  const merged = new TextDictionary()
  const codes = translate(columns, runs, ({ dictionary }, code) => merged.codeFrom(dictionary, code))
  return { type: "string", codes: inOrder(codes, order), texts: merged.plain, size: merged.count }
}

const pickFractions = (columns: ReadonlyArray<CodedNumbers>, { order, runs }: PickedRows): ColumnValues => {
  if (haveOneDictionary(columns, runs)) {
    page.end = 0
    let size = 0
    const codes = translate(columns, runs, ({ dictionary }, code) => {
      page.reserve(8)
      page.double(dictionary.numberOf(code))
      return ++size
    })
    return {
      type: "float64",
      codes: inOrder(codes, order),
      numbers: new Float64Array(page.bytes.slice(0, page.end).buffer)
    }
  }
  const known = new Map<number, number>()
  const codes = translate(columns, runs, ({ dictionary }, code) => {
    const number = dictionary.numberOf(code)
    let own = known.get(number)
    if (own === undefined) known.set(number, (own = known.size + 1))
    return own
  })
  return { type: "float64", codes: inOrder(codes, order), numbers: Float64Array.from(known.keys()) }
}
