import { Effect, Schema } from "effect"
import type { AuditDb } from "./DuckDbAudit.ts"
import { literal, ReadFailed } from "./DuckDbAudit.ts"

const Covered = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      topic: Schema.String,
      partition: Schema.Int,
      ranges: Schema.Array(Schema.Tuple(Schema.Int, Schema.Int))
    })
  )
)

/**
 * Reads the simulator's manifest of faults into the temporary tables `faults` (one row per fault of a written record:
 * p and o are its partition and offset) and `covered` (the offsets [a, b) of which the manifest tells). Answers how
 * many faults there are, and how many of records that are held back.
 */
export const readManifest = (
  db: AuditDb,
  file: string
): Effect.Effect<{ readonly faults: number; readonly heldBack: number }, ReadFailed> =>
  Effect.gen(function* () {
    yield* db.run(
      `CREATE OR REPLACE TEMP TABLE faults AS
      SELECT topic, partition AS p, "offset" AS o, kind, detail, reason, make_timestamp(epoch_us(written_ts)) AS ts,
        delay_s, original_offset AS original, session_id AS session, item_in_session AS item
      FROM read_parquet(${literal(file)})`
    )
    const [counts] = yield* db.query(
      "SELECT count(*) FILTER (o IS NOT NULL) AS faults, count(*) FILTER (o IS NULL) AS held FROM faults"
    )
    yield* db.run("DELETE FROM faults WHERE o IS NULL")
    const metadata = yield* db.query(
      `SELECT decode(value) AS value FROM parquet_kv_metadata(${literal(file)}) WHERE decode(key) = 'covered'`
    )
    const covered = yield* Schema.decodeUnknown(Covered)(metadata[0]?.value).pipe(
      Effect.mapError(() => new ReadFailed({ message: `${file} does not say which records it covers` }))
    )
    yield* db.run("CREATE OR REPLACE TEMP TABLE covered (topic VARCHAR, p INTEGER, a BIGINT, b BIGINT)")
    const rows = covered.flatMap(({ partition, ranges, topic }) =>
      ranges.map(([from, to]) => `(${literal(topic)}, ${partition}, ${from}, ${to})`)
    )
    if (rows.length > 0) yield* db.run(`INSERT INTO covered VALUES ${rows.join(", ")}`)
    return { faults: Number(counts.faults), heldBack: Number(counts.held) }
  })
