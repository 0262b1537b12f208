import { Either, Schema } from "effect"
import { defaultDecoderOptions } from "./Decoder.ts"
import type { EventOf } from "./events.ts"
import { eventSchemas } from "./events.ts"
import { parseValue } from "./parseValue.ts"
import type { Topic } from "./Topic.ts"

/**
 * Decodes one record's value by the Schema alone: the plain, slow version that the hot decoder is held to, and the one
 * for tools that look at single records. Left: why not. `logTime`: epoch ms.
 */
export const decodeEvent = <T extends Topic>(
  topic: T
): ((
  value: Uint8Array | null,
  logTime: number,
  options?: typeof defaultDecoderOptions
) => Either.Either<EventOf[T], string>) => {
  const decode = Schema.decodeUnknownEither(
    eventSchemas[topic] as unknown as Schema.Schema<EventOf[T], unknown>
  )
  return (value, logTime, options = defaultDecoderOptions) => {
    const { object, reason } = parseValue(value, options.maxBytes)
    if (object === undefined) return Either.left(reason)
    const decoded = decode(object)
    if (Either.isLeft(decoded)) return Either.left(decoded.left.message)
    return decoded.right.ts > logTime + options.maxAheadMs
      ? Either.left("ts lies too far past the log time")
      : Either.right(decoded.right)
  }
}
