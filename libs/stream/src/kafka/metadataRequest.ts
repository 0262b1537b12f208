import type { ByteReader, ByteWriter } from "./bytes.ts"
import { kafkaRequest } from "./kafkaRequest.ts"

/** A broker of the cluster. */
export interface KafkaNode {
  readonly id: number
  readonly host: string
  readonly port: number
}

/** A topic as the cluster describes it. */
export interface TopicMetadata {
  readonly error: number
  readonly name: string
  /** Sixteen bytes in hexadecimal, other for each topic that ever was; undefined where the broker is too old to say. */
  readonly id: string | undefined
  /** By partition: the leading broker (-1: none now). */
  readonly leaders: ReadonlyArray<number>
}

export interface ClusterMetadata {
  readonly nodes: ReadonlyArray<KafkaNode>
  readonly topics: ReadonlyArray<TopicMetadata>
}

const key = 3
/** The version with topic ids. */
const withIds = 12
const withoutIds = 7

/** Asks for brokers and topics; never makes a topic. `newest`: the newest version that the broker has. */
export const metadataRequest = (
  names: ReadonlyArray<string>,
  newest: number
): KafkaRequest<ClusterMetadata> => {
  const ids = newest >= withIds
  const kind = { name: "Metadata", key, version: ids ? withIds : withoutIds, flexible: ids }
  const write = (writer: ByteWriter): void => {
    writer
      .array(names, (name) => {
        if (ids) writer.raw(noId)
        writer.string(name).tags()
      })
      .int8(0)
    if (ids) writer.int8(0)
    writer.tags()
  }
  const read = (reader: ByteReader) => {
    const throttleMs = reader.int32()
    const nodes = reader.array(() => {
      const node = { id: reader.int32(), host: reader.string() ?? "", port: reader.int32() }
      reader.string()
      reader.tags()
      return node
    })
    reader.string()
    reader.int32()
    const topics = reader.array(() => {
      const error = reader.int16()
      const name = reader.string() ?? ""
      const id = ids ? reader.raw(16).toString("hex") : undefined
      reader.int8()
      const leaders: Array<number> = []
      reader.array(() => {
        reader.int16()
        const partition = reader.int32()
        leaders[partition] = reader.int32()
        reader.int32()
        for (let list = 0; list < 3; list++) reader.array(() => reader.int32())
        reader.tags()
      })
      if (ids) reader.int32()
      reader.tags()
      return { error, name, id, leaders }
    })
    return { throttleMs, answer: { nodes, topics } }
  }
  return kafkaRequest<ClusterMetadata>(kind, write, read)
}

const noId = new Uint8Array(16)
