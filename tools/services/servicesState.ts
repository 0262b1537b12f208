import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { commandOf } from "./commandOf.ts"
import { servicesFolder } from "./servicesFolder.ts"

/** What `npm run services` started last: as it is printed by --json and kept for the next start, for status and stop. */
export interface ServicesState {
  /** host:port,host:port of the PLAINTEXT listeners. */
  readonly kafkaBrokers: string
  /** host:port,host:port of the SASL_PLAINTEXT listeners. */
  readonly kafkaSaslBrokers: string
  readonly gcsEndpoint: string
  /** Three for each Kafka node, as startBrokers takes them: used again where they are free. */
  readonly kafkaPorts: ReadonlyArray<number>
  readonly gcsPort: number
  readonly processes: ReadonlyArray<{ readonly name: string; readonly pid: number }>
}

/** Where `npm run services` keeps logs and buckets. */
export const dataFolder = (): string => join(servicesFolder(), "data")

const file = () => join(dataFolder(), "services.json")

export const readState = (): ServicesState | undefined => {
  let text: string
  try {
    text = readFileSync(file(), "utf8")
  } catch {
    return undefined
  }
  return JSON.parse(text) as ServicesState
}

export const writeState = (state: ServicesState): void => {
  mkdirSync(dataFolder(), { recursive: true })
  writeFileSync(file(), `${JSON.stringify(state)}\n`)
}

/** Whether the process still runs and is a service of this folder: its pid may have gone to another program since. */
export const isRunning = ({ pid }: { readonly pid: number }): boolean => commandOf(pid).includes(dataFolder())
