import { Either } from "effect"
import { type Compression, compressions } from "./compression.ts"

/** Where events go. */
export type Output =
  | { readonly kind: "log" | "kafka" | "null" | "stdout" }
  | {
      readonly kind: "lines"
      readonly folder: string
      readonly compression: Compression
      readonly extension: string
    }
  | { readonly kind: "parquet"; readonly folder: string }

/** The forms of --output, for messages. */
const forms = "log, kafka, ndjson:DIR, parquet:DIR, stdout or null"

/** What is given of --output, --compression and Eventsim's OUTPUT_DIR; the reason, if it is wrong. */
export const parseOutput = (given: {
  readonly output: string | undefined
  readonly compression: Compression | undefined
  readonly folder: string | undefined
}): Either.Either<Output, string> => {
  const { compression = "none", output } = given
  if (given.folder !== undefined && output !== undefined) {
    return Either.left(`The folder ${given.folder} and --output ${output} are both given: give one of them.`)
  }
  const lines = (folder: string, extension: string): Output => ({
    kind: "lines",
    folder,
    compression,
    extension
  })
  if (given.folder !== undefined) return Either.right(lines(given.folder, ""))
  const [kind, ...rest] = (output ?? "log").split(":")
  const folder = rest.join(":")
  if (kind === "ndjson" && folder !== "") return Either.right(lines(folder, ".ndjson"))
  if (given.compression !== undefined) {
    return Either.left(
      `--compression ${given.compression} is for files of lines: give --output ndjson:DIR with it, or leave it out.`
    )
  }
  if (kind === "parquet" && folder !== "") return Either.right({ kind, folder })
  if (kind === "kafka" && rest.length > 0) {
    return Either.left(
      `The output (--output) is ${output}: give --output kafka, and where Kafka is by --kafka-brokers ${folder}.`
    )
  }
  if ((kind === "log" || kind === "kafka" || kind === "stdout" || kind === "null") && rest.length === 0)
    return Either.right({ kind })
  return Either.left(
    kind === "ndjson" || kind === "parquet"
      ? `The output (--output) is ${output}, a folder is missing: ${kind}:DIR.`
      : `The output (--output) is ${output}, expected ${forms}.`
  )
}

/** The values of --compression. */
export const compressionChoices = compressions
