/** How an event can be malformed, or odd but tolerated. */
export const damageKinds = [
  "cut-off",
  "not-a-number",
  "byte-order-mark",
  "empty",
  "null",
  "invalid-utf8",
  "not-an-object",
  "wrong-type",
  "null-field",
  "lone-surrogate",
  "ts-text",
  "ts-seconds",
  "far-future",
  "beyond-int64",
  "unknown-level",
  "oversized",
  "unknown-page",
  "unknown-field"
] as const
export type DamageKind = (typeof damageKinds)[number]

/** What is used when no kinds are named: all but `oversized`, of which each takes a megabyte. */
export const usualDamageKinds = damageKinds.filter((kind) => kind !== "oversized") as unknown as readonly [
  DamageKind,
  ...Array<DamageKind>
]
