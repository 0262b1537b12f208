const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 })
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** The exact number: 1,243,120. */
export const exact = (value: number): string => whole.format(value)

/** Three significant figures: 9,412 · 38.8 K · 1.24 M. */
export const compact = (value: number): string => {
  if (Math.abs(value) < 10_000) return grouped.format(value)
  const [divisor, unit] = value >= 1e9 ? [1e9, "B"] : value >= 1e6 ? [1e6, "M"] : [1e3, "K"]
  const scaled = value / divisor
  return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)} ${unit}`
}

/** `+3.4 %`, `−12 %`; undefined when there is nothing to compare with. */
export const change = (now: number, before: number): string | undefined => {
  if (before === 0) return undefined
  const percent = (now / before - 1) * 100
  const digits = Math.abs(percent) < 10 ? 1 : 0
  const text = Math.abs(percent).toFixed(digits)
  const sign = Number(text) === 0 ? "±" : percent > 0 ? "+" : "−"
  return `${sign}${text} %`
}

const utc = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options })
const day = utc({ day: "numeric", month: "short" })
const weekday = utc({ weekday: "short", day: "numeric", month: "short" })
const clock = utc({ hour: "2-digit", minute: "2-digit" })

/** `9 Nov` */
export const dayText = (time: number): string => day.format(time)
/** `Mon 9 Nov` */
export const weekdayText = (time: number): string => weekday.format(time).replace(",", "")
/** `16:42`, with the day before it when that is not `today`. */
export const timeText = (time: number, today: number): string =>
  Math.floor(time / 864e5) === Math.floor(today / 864e5)
    ? clock.format(time)
    : `${dayText(time)} ${clock.format(time)}`

/** A time of the API, `2026-11-23T16:00Z`. */
export const timeOf = (iso: string): number => Date.parse(iso)

/** `38 s`, `12 min`, `5 h`, `3 d` */
export const spanText = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}

/** `00`–`23` */
export const hourText = (hour: number): string => String(hour).padStart(2, "0")
