import fc from "fast-check"
import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { RowGroups } from "./RowGroups.ts"
import { readRows } from "./testing/readRows.ts"

const columns = [
  { name: "n", type: "int64", nullable: false, description: "" },
  { name: "text", type: "string", nullable: true, description: "" }
] as const

const valuesOf = (rows: ReadonlyArray<readonly [number, string | null]>) =>
  [
    { type: "int64", values: Float64Array.from(rows, ([n]) => n), nulls: undefined },
    { type: "string", values: rows.map(([, text]) => text) }
  ] as const

const row = fc.tuple(fc.maxSafeInteger(), fc.option(fc.string(), { nil: null }))

it("makes whole files of any number of row groups, with and without a last one that was not added", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.array(row, { maxLength: 5 })), fc.array(row), async (groups, last) => {
      const file = new RowGroups(columns)
      const parts: Array<Uint8Array> = [RowGroups.head]
      for (const rows of groups) {
        const group = file.encode(valuesOf(rows))
        parts.push(group.bytes)
        file.add(group)
      }
      const tail = file.encode(valuesOf(last))
      const read = async (pieces: ReadonlyArray<Uint8Array>) => readRows(Buffer.concat(pieces))
      const plain = (rows: typeof last) => rows.map(([n, text]) => ({ n: BigInt(n), text }))
      expect(await read([...parts, file.foot(undefined, { a: "b" })])).toEqual({
        rows: plain(groups.flat()),
        metadata: { a: "b" }
      })
      const withTail = await read([...parts, tail.bytes, file.foot(tail, {})])
      expect(withTail.rows).toEqual(plain([...groups.flat(), ...last]))
      expect(file.rows).toBe(groups.flat().length)
    }),
    { numRuns: 30 }
  ))
