import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { install, startBroker, startStorageServer } from "./Services.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** host:port of the PLAINTEXT listener of the broker that all service tests share, as kafkajs wants it. */
    readonly kafkaBrokers: Array<string>
    /** The same broker's SASL_PLAINTEXT listener, for saslUsers. */
    readonly kafkaSaslBrokers: Array<string>
    /** URL of the Cloud Storage server that all service tests share. */
    readonly gcsEndpoint: string
  }
}

/** Starts one broker and one storage server for a run of the service tests, in a folder that is removed at the end. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  await install(["kafka", "storage"])
  const folder = mkdtempSync(join(tmpdir(), "musify-services-"))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  const started = await Promise.allSettled([
    startBroker({ folder: join(folder, "kafka") }),
    startStorageServer({ folder: join(folder, "storage") })
  ])
  const stop = async () => {
    for (const one of started) if (one.status === "fulfilled") await one.value.stop()
    remove()
  }
  const [broker, storage] = started
  if (broker.status === "rejected" || storage.status === "rejected") {
    await stop()
    throw started.find((one) => one.status === "rejected")?.reason
  }
  project.provide("kafkaBrokers", [broker.value.address])
  project.provide("kafkaSaslBrokers", [broker.value.saslAddress])
  project.provide("gcsEndpoint", storage.value.address)
  return stop
}
