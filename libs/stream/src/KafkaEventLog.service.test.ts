import { inject } from "vitest"
import { eventLogContract } from "./EventLog.contract.ts"
import { kafkaCompressions } from "./kafka/KafkaSettings.ts"
import { layer } from "./KafkaEventLog.ts"
import { kafkaTestSettings } from "./testing/kafkaTestSettings.ts"

for (const compression of kafkaCompressions) {
  eventLogContract(
    `KafkaEventLog (compression ${compression})`,
    () => ({
      layer: layer(kafkaTestSettings(inject("kafkaBrokers"), { compression })),
      remove: () => undefined
    }),
    { conditionalAppend: "checked", numRuns: 8 }
  )
}
