import { UserError } from "@musify/runtime/UserError.ts"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { install } from "./install.ts"

export interface ConsoleProducerOptions {
  /** host:port of some brokers. */
  readonly brokers: ReadonlyArray<string>
  readonly topic: string
  /** One record each, without a line feed. */
  readonly lines: Iterable<string>
  /** A line is then `key<separator>value`; without it a record has no key. */
  readonly keySeparator?: string
  /** Settings of Kafka's producer: `compression.type`, `sasl.jaas.config` and so on. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Produces lines with Kafka's own console producer: Java, and so a client that shares no code with ours. Resolves when
 * all of them are acknowledged; fails with a UserError when one is not.
 */
export const produceLines = async (options: ConsoleProducerOptions): Promise<void> => {
  const { kafkaClassPath } = await install(["kafka"])
  const reader =
    options.keySeparator === undefined
      ? []
      : ["--reader-property", "parse.key=true", "--reader-property", `key.separator=${options.keySeparator}`]
  const settings = Object.entries(options.settings ?? {}).flatMap(([name, value]) => [
    "--command-property",
    `${name}=${value}`
  ])
  const child = spawn(
    "java",
    [
      ...["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"],
      ...["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", kafkaClassPath],
      ...["org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", options.brokers.join(",")],
      ...["--topic", options.topic, ...reader, ...settings]
    ],
    { stdio: ["pipe", "ignore", "pipe"] }
  )
  const ended = once(child, "close") as Promise<[number | null]>
  let errors = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text))
  child.stdin.on("error", () => undefined)
  for (const line of options.lines)
    if (!child.stdin.write(`${line}\n`)) await Promise.race([once(child.stdin, "drain"), ended])
  child.stdin.end()
  const [code] = await ended
  // A record that was not acknowledged is an error of its log, but not of its exit code.
  if (code !== 0 || /\bERROR\b/.test(errors))
    throw new UserError({
      message: `Kafka's console producer could not write to ${options.topic}:\n${errors.trim().slice(-4000)}`,
      exitCode: 3
    })
}
