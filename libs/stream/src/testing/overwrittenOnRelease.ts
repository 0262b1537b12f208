import type { BytesColumn, LogBatch } from "@musify/domain/RecordBatch.ts"
import { Buffer } from "node:buffer"

const asBuffer = (column: BytesColumn): BytesColumn => ({ ...column, data: Buffer.from(column.data) })

/** A batch as Kafka's are: its bytes are Node Buffers, and hold something else once it is released. */
export const overwrittenOnRelease = (batch: LogBatch): LogBatch => {
  const columns = {
    keys: asBuffer(batch.keys),
    values: asBuffer(batch.values),
    ...(batch.headers === undefined ? {} : { headers: asBuffer(batch.headers) })
  }
  return {
    ...batch,
    ...columns,
    release: () => {
      for (const { data } of Object.values(columns)) data.fill(0x2a)
    }
  }
}
