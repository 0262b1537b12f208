import kafkajs from "kafkajs"

/** Acts on a cluster as its operator would, by kafkajs's own public client. */
export const withKafka = async <A>(
  brokers: ReadonlyArray<string>,
  use: (kafka: kafkajs.Kafka) => Promise<A>
): Promise<A> =>
  use(
    new kafkajs.Kafka({
      brokers: [...brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      // A busy machine takes its time.
      connectionTimeout: 60_000
    })
  )

export const withAdmin = <A>(
  brokers: ReadonlyArray<string>,
  use: (admin: kafkajs.Admin) => Promise<A>
): Promise<A> =>
  withKafka(brokers, async (kafka) => {
    const admin = kafka.admin()
    await admin.connect()
    try {
      return await use(admin)
    } finally {
      await admin.disconnect()
    }
  })

/** Asks again until it is so; fails after half a minute. */
export const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo().catch(() => false)) return
    await new Promise((resolve) =>
      setImmediate(() => AbortSignal.timeout(50).addEventListener("abort", resolve))
    )
  }
  throw new Error("it did not become so within 30 s")
}
