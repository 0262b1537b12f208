import type { Buffer } from "node:buffer"
import { ByteReader, ByteWriter } from "./bytes.ts"

/** What Kafka calls a request. */
export interface RequestKind {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Versions of Kafka's newer encoding. */
  readonly flexible: boolean
}

/** A request of our own to be sent over a connection of kafkajs. `read` gets the answer after its throttle time. */
export const kafkaRequest = <A>(
  { flexible, key, name, version }: RequestKind,
  write: (writer: ByteWriter) => void,
  read: (reader: ByteReader) => { readonly throttleMs: number; readonly answer: A }
): KafkaRequest<A> => ({
  request: {
    apiKey: key,
    apiVersion: version,
    apiName: name,
    encode: () => {
      // kafkajs writes the header of the older encoding; the newer one has tagged fields at its end.
      const writer = new ByteWriter(flexible).tags()
      write(writer)
      const bytes = writer.finish()
      return Promise.resolve({ buf: bytes, buffer: bytes })
    }
  },
  response: {
    decode: (bytes: Buffer) => {
      const reader = new ByteReader(bytes, flexible)
      reader.tags()
      const { answer, throttleMs } = read(reader)
      return Promise.resolve({ clientSideThrottleTime: throttleMs, answer })
    },
    parse: ({ answer }) => Promise.resolve(answer)
  }
})
