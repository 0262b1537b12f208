import fc from "fast-check"
import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { Frames } from "./framedSocket.ts"

it("hands over whole answers, however the bytes come, and keeps none of them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (bodies, cuts) => {
        const sent = bodies.map((body) => {
          const frame = Buffer.alloc(4 + body.length)
          frame.writeUInt32BE(body.length)
          frame.set(body, 4)
          return frame
        })
        const stream = Buffer.concat(sent)
        const got: Array<Buffer> = []
        const frames = new Frames((frame) => got.push(frame))
        for (let at = 0, i = 0; at < stream.length; i++) {
          const room = frames.room()
          const size = Math.min(cuts[i % cuts.length], stream.length - at, room.length)
          stream.copy(room, 0, at, at + size)
          frames.take(size)
          at += size
        }
        expect(got).toEqual(sent)
      }
    )
  )
})

it("refuses what has no size that Kafka sends", () => {
  const frames = new Frames(() => {})
  frames.room().writeInt32BE(-1)
  expect(() => frames.take(4)).toThrow("not Kafka")
})
