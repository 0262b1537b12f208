/**
 * The rhythm of listening: hours of the day, weekends and holidays. Days are UTC days, counted from 1970-01-01;
 * times are whole seconds since then.
 */

const daySeconds = 86_400

/**
 * Shift in seconds per second of the day that thins the night out: from 03:00 towards 15:00.
 * `trunc(damping · 86400 · sin(2π (s − 10800) / 86400))`, as in Eventsim.
 */
export const dailyShifts = (damping: number): Int32Array => {
  const shifts = new Int32Array(daySeconds)
  for (let s = 0; s < daySeconds; s++) {
    const exact = damping * daySeconds * Math.sin((2 * Math.PI * (s - 10_800)) / daySeconds)
    // Engines differ in the last bit of Math.sin, which decides about whole numbers such as 4050.
    shifts[s] = Math.trunc(Math.round(exact * 1e6) / 1e6)
  }
  return shifts
}

/** Weekday of a day number: 0 = Sunday. */
const weekday = (day: number): number => (((day + 4) % 7) + 7) % 7

/** Saturday, Sunday or a US national holiday (on its own date, never moved to a Monday). */
export const isOffDay = (day: number): boolean => {
  const w = weekday(day)
  if (w === 0 || w === 6) return true
  const date = new Date(day * daySeconds * 1000)
  const month = date.getUTCMonth() + 1
  const d = date.getUTCDate()
  return (
    (month === 1 && d === 1) ||
    (month === 5 && w === 1 && d > 24) ||
    (month === 7 && d === 4) ||
    (month === 9 && w === 1 && d <= 7) ||
    (month === 11 && d === 11) ||
    (month === 11 && w === 4 && d > 21 && d <= 28) ||
    (month === 12 && d === 25)
  )
}

/** Days whose kind is kept: until 2149. */
const knownDays = 65_536

/** Weekend damping of a config: share of sessions refused on off days, and the ramps at both ends in seconds. */
export interface WeekendDamping {
  readonly share: number
  readonly offset: number
  readonly scale: number
  /** As Eventsim: on a working day a ramp goes on beyond `share` where `offset` exceeds `scale`. */
  readonly uncapped?: boolean
}

/**
 * Share of the session starts at `time` that is refused: 0 on working days, `share` on off days, with linear ramps of
 * `scale` seconds that begin `offset` seconds before the first midnight and end `offset` after the last one.
 */
export const makeWeekendShare = ({
  share,
  offset,
  scale,
  uncapped = false
}: WeekendDamping): ((time: number) => number) => {
  if (share === 0) return () => 0
  // Every start of a session asks for three days: 0: not known yet, 1: working day, 2: off day.
  const known = new Uint8Array(knownDays)
  const off = (day: number): boolean => {
    if (day < 0 || day >= knownDays) return isOffDay(day)
    if (known[day] === 0) known[day] = isOffDay(day) ? 2 : 1
    return known[day] === 2
  }
  const ramp = (seconds: number): number => (scale <= 0 ? share : Math.min(1, seconds / scale) * share)
  const workdayRamp = (seconds: number): number =>
    uncapped && scale > 0 ? (seconds / scale) * share : ramp(seconds)
  return (time) => {
    const day = Math.floor(time / daySeconds)
    const s = time - day * daySeconds
    if (off(day)) {
      const rise = off(day - 1) ? share : ramp(offset + s)
      const fall = off(day + 1) ? share : ramp(daySeconds - s + offset)
      return Math.min(rise, fall)
    }
    if (s < offset && off(day - 1)) return workdayRamp(offset - s)
    if (s >= daySeconds - offset && off(day + 1)) return workdayRamp(s - (daySeconds - offset))
    return 0
  }
}
