import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { bytesAt, bytesColumn, copyAt, copyColumn } from "./RecordBatch.ts"

it("copies hold what was there when the memory holds something else, also that of a Node Buffer", () => {
  const values = ["one", "", null, "four"].map((text) => (text === null ? null : Buffer.from(text)))
  for (const data of [(bytes: Uint8Array) => bytes, (bytes: Uint8Array) => Buffer.from(bytes)]) {
    const made = bytesColumn(values)
    const column = { ...made, data: data(made.data) }
    const whole = copyColumn(column)
    const single = values.map((_, i) => copyAt(column, i))
    column.data.fill(0x2a)
    column.ends.fill(0)
    column.nulls?.fill(0)
    const texts = (all: ReadonlyArray<Uint8Array | null>) =>
      all.map((one) => one && Buffer.from(one).toString())
    expect(texts(single)).toEqual(["one", "", null, "four"])
    expect(texts(values.map((_, i) => bytesAt(whole, i)))).toEqual(["one", "", null, "four"])
  }
})
