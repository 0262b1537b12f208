import type { Topic } from "@musify/domain/Topic.ts"
import type { Dialect } from "../Dialect.ts"
import type { AuditScope, Model } from "../Model.ts"

/**
 * Of a fact and of the view that joins it to its dimensions (all inner, by these keys): one scan, by hour. Without a row,
 * every fact has a row in each dimension, the version in force among them; the joined rows are as many as the
 * fingerprints of their keys, so neither a fact nor a dimension's row is there twice; and they are as many as the lake's.
 * Rows of one key are in one hour's group, since every row is in its ts' hour.
 */
export const factSuspects =
  (
    { key, name }: Pick<Model, "name" | "key">,
    topic: Topic,
    dimensions: ReadonlyArray<readonly [dimension: string, key: string]>
  ): Required<Model>["suspects"] =>
  (sql: Dialect, scope: AuditScope) => {
    const joins = dimensions.map(
      ([dimension, on]) =>
        `LEFT JOIN ${dimension === "dim_users" ? `${scope.dimUsers} ` : ""}${dimension} ON f.${on} = ${dimension}.${on}`
    )
    const wrong = [
      ...dimensions.map(([dimension, on]) => `${dimension}.${on} IS NULL`),
      "f.user_id IS DISTINCT FROM dim_users.user_id",
      "(f.user_id IS NOT NULL AND (dim_users.valid_from > f.ts OR dim_users.valid_to <= f.ts))",
      `f.hour_key <> ${sql.hourOf("f.ts")}`
    ]
    const [lake, differs] = scope.isStaged
      ? [
          `\nFULL JOIN (SELECT hour, kept FROM stage_rows WHERE topic = ${sql.text(topic)}) s ON g.hour_key = s.hour`,
          " OR s.kept IS DISTINCT FROM CASE WHEN g.hour_key IN (SELECT hour FROM build_hours) THEN g.found END"
        ]
      : ["", ""]
    return `
SELECT g.hour_key FROM (
  SELECT f.hour_key, count(*) AS found, count(DISTINCT ${sql.fingerprint(...key.map((one) => `f.${one}`))}) AS events,
    sum(CASE WHEN ${wrong.join(" OR ")} THEN 1 ELSE 0 END) AS wrong
  FROM ${name} f
  ${joins.join("\n  ")}
  WHERE ${scope.hours("f.")} GROUP BY f.hour_key) g${lake}
WHERE g.found <> g.events OR g.wrong > 0${differs}`
  }

/** Of a mart by hour, whose rows' keys are unique and whose counts are the rows of a fact: each is read once. */
export const martSuspects = (
  sql: Dialect,
  { key, name }: Pick<Model, "name" | "key">,
  counts: string,
  rows: string,
  fact: string,
  facts: string
): string => `
SELECT m.hour_key FROM (
  SELECT ${sql.hourOf("hour")} AS hour_key, sum(${counts}) AS counted, count(*) AS found, count(DISTINCT ${sql.fingerprint(...key)}) AS keys
  FROM ${name} WHERE ${rows} GROUP BY 1) m
FULL JOIN (SELECT hour_key, count(*) AS counted FROM ${fact} WHERE ${facts} GROUP BY hour_key) f ON m.hour_key = f.hour_key
WHERE m.counted IS DISTINCT FROM f.counted OR m.found <> m.keys`
