import { bytesAt, bytesColumn } from "@musify/domain/RecordBatch.ts"
import { Effect } from "effect"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import type { Socket } from "node:net"
import { beforeAll, describe, expect, inject, it } from "vitest"
import { kafkaTestSettings } from "../testing/kafkaTestSettings.ts"
import { Cluster } from "./Cluster.ts"
import { loadCompression } from "./compression.ts"
import { connectionOptions } from "./connectionOptions.ts"
import { framedSocket } from "./framedSocket.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"
import { LogReader } from "./LogReader.ts"
import { Producer } from "./Producer.ts"
import { openTopics } from "./topics.ts"

beforeAll(() => loadCompression("zstd"))

const topic = "events"

/** A cluster whose network obeys the test; and one whose network does not. */
const clusters = async (settings: KafkaSettings, lose: () => "nothing" | "question" | "answer") => {
  const options = await Effect.runPromise(connectionOptions(settings))
  const reliable = new Cluster(settings.brokers, options)
  await openTopics(reliable, [`${settings.topicPrefix}${topic}`], settings, options, 30_000)
  const lossy = new Cluster(settings.brokers, {
    ...options,
    socketFactory: (given) => {
      const socket = framedSocket(given) as Socket
      const write = socket.write.bind(socket)
      let losing = false
      Object.assign(socket, {
        write: (bytes: Uint8Array, encoding: BufferEncoding) => {
          const lost = lose()
          if (lost === "question") {
            socket.destroy(new Error("lost on the way there"))
            return true
          }
          losing = lost === "answer"
          return write(bytes, encoding)
        }
      })
      const emit = socket.emit.bind(socket)
      socket.emit = (name: string, ...rest: Array<unknown>) => {
        if (name === "data" && losing) return socket.destroy(new Error("lost on the way back")) !== undefined
        return emit(name, ...rest)
      }
      return socket
    }
  })
  await lossy.watch([`${settings.topicPrefix}${topic}`])
  return { reliable, lossy }
}

const recordsOf = (values: ReadonlyArray<string>) => ({
  count: values.length,
  keys: bytesColumn(values.map(() => null)),
  values: bytesColumn(values.map((value) => Buffer.from(value)))
})

const valuesIn = async (cluster: Cluster, name: string, partition: number) => {
  const reader = new LogReader(cluster, 30_000)
  const values: Array<string> = []
  for (let offset = 0; ;) {
    const batch = await reader.read({ topic: name, partition }, offset, 1 << 20)
    if (batch.count === 0) return values
    for (let i = 0; i < batch.count; i++) values.push(Buffer.from(bytesAt(batch.values, i)!).toString())
    offset = batch.offsets[batch.count - 1] + 1
  }
}

describe("the producer", () => {
  it("appends everything once and in order, whatever questions and answers are lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.infiniteStream(fc.constantFrom("nothing", "nothing", "nothing", "question", "answer" as const)),
        fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), {
          minLength: 5,
          maxLength: 12
        }),
        async (losses, appends) => {
          const settings = kafkaTestSettings(inject("kafkaBrokers"))
          let quiet = true
          const { lossy, reliable } = await clusters(settings, () =>
            quiet ? "nothing" : (losses.next().value as "nothing" | "question" | "answer")
          )
          quiet = false
          const name = `${settings.topicPrefix}${topic}`
          const producer = new Producer(lossy, "none", 30_000)
          const sent: [Array<string>, Array<string>] = [[], []]
          for (const [n, counts] of appends.entries()) {
            const parts = counts.map((count, p) => ({
              partition: p % 2,
              values: Array.from({ length: count }, (_, i) => `${n}-${p}-${i}`)
            }))
            await producer.append(
              parts.map(({ partition, values }) => ({ topic: name, partition, records: recordsOf(values) })),
              1,
              () => Promise.resolve()
            )
            for (const { partition, values } of parts) sent[partition].push(...values)
          }
          quiet = true
          expect([await valuesIn(reliable, name, 0), await valuesIn(reliable, name, 1)]).toEqual(sent)
          await Promise.all([lossy.close(), reliable.close()])
        }
      ),
      { numRuns: 4 }
    )
  })

  it("settles what it could not finish in time before anything else goes to that partition", async () => {
    const settings = kafkaTestSettings(inject("kafkaBrokers"))
    let loss: "nothing" | "question" | "answer" = "nothing"
    const { lossy, reliable } = await clusters(settings, () => loss)
    const name = `${settings.topicPrefix}${topic}`
    const producer = new Producer(lossy, "none", 500)
    const append = (value: string) =>
      producer.append([{ topic: name, partition: 0, records: recordsOf([value]) }], 1, () =>
        Promise.resolve()
      )
    expect(await append("a")).toEqual([0])
    for (const [lost, value] of [
      ["answer", "b"],
      ["question", "c"]
    ] as const) {
      loss = lost
      await expect(append(value)).rejects.toMatchObject({ retryable: true })
      loss = "nothing"
      await producer.settle([{ topic: name, partition: 0 }])
      await producer.settle([{ topic: name, partition: 0 }])
    }
    expect(await append("d")).toEqual([3])
    expect(await valuesIn(reliable, name, 0)).toEqual(["a", "b", "c", "d"])
    await Promise.all([lossy.close(), reliable.close()])
  })
})
