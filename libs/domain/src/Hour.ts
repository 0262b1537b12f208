/** Whole hours since 1970-01-01T00:00Z: the unit in which the lake and the warehouse are cut. */
export type Hour = number

export const hourMs = 3_600_000
export const dayMs = 86_400_000

/** The hour in which an event time (epoch ms) lies. */
export const hourOf = (ts: number): Hour => Math.floor(ts / hourMs)

/** Start of an hour, epoch ms. */
export const hourStart = (hour: Hour): number => hour * hourMs

/** `2026-11-23T16` */
export const hourText = (hour: Hour): string => new Date(hour * hourMs).toISOString().slice(0, 13)

/** `2026-11-23`, the UTC day in which an hour lies. */
export const dayText = (hour: Hour): string => new Date(hour * hourMs).toISOString().slice(0, 10)

/** `year=2026/month=11/day=23/hour=16`, the Hive path of an hour (UTC, year first). */
export const hourPath = (hour: Hour): string => {
  const iso = hourText(hour)
  return `year=${iso.slice(0, 4)}/month=${iso.slice(5, 7)}/day=${iso.slice(8, 10)}/hour=${iso.slice(11, 13)}`
}
