import { fileError, type UserError } from "@musify/runtime/UserError.ts"
import { Duration, Effect, Redacted } from "effect"
import kafkajs, { type ISocketFactory, type Logger, type SASLOptions } from "kafkajs"
import fs from "node:fs"
import type { ConnectionOptions as TlsOptions } from "node:tls"
import { framedSocket } from "./framedSocket.ts"
import type { KafkaSettings } from "./KafkaSettings.ts"

/** Everything that a connection of kafkajs is made with, but host and port. */
export interface ConnectionOptions {
  readonly clientId: string
  readonly ssl: TlsOptions | undefined
  readonly sasl: SASLOptions | undefined
  readonly connectionTimeout: number
  readonly requestTimeout: number
  readonly enforceRequestTimeout: boolean
  readonly logger: Logger
  readonly socketFactory: ISocketFactory
}

/** A broker that has not answered a request by then is taken for dead, and the request is sent again. */
const requestTimeoutMs = 10_000
const connectionTimeoutMs = 5_000

const readPem = (what: string, file: string | undefined): Effect.Effect<string | undefined, UserError> =>
  file === undefined
    ? Effect.succeed(undefined)
    : Effect.try({
        try: () => fs.readFileSync(file, "utf8"),
        catch: (cause) => fileError(`read the ${what} for Kafka in ${file}`, cause)
      })

/** Reads the files that the settings name. */
export const connectionOptions = (settings: KafkaSettings): Effect.Effect<ConnectionOptions, UserError> =>
  Effect.gen(function* () {
    const { brokers, clientId, sasl, tls } = settings
    const ca = yield* readPem("authorities' certificates", tls?.ca)
    const cert = yield* readPem("client's certificate", tls?.cert)
    const key = yield* readPem("key of the client's certificate", tls?.key)
    // What went wrong is told by the errors; a log would tell it again for every try.
    const quiet = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING })
    return {
      clientId,
      ssl:
        tls === undefined
          ? undefined
          : {
              ...(ca === undefined ? {} : { ca }),
              ...(cert === undefined || key === undefined ? {} : { cert, key })
            },
      sasl:
        sasl === undefined
          ? undefined
          : { mechanism: sasl.mechanism, username: sasl.username, password: Redacted.value(sasl.password) },
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: Math.min(requestTimeoutMs, Duration.toMillis(settings.timeout)),
      enforceRequestTimeout: true,
      logger: quiet.logger(),
      socketFactory: framedSocket
    }
  })
