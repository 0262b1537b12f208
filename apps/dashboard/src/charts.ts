/** What a chart shows, in words: its heading, the unit of its numbers, and one sentence that defines the measure. */
export interface ChartText {
  readonly title: string
  readonly unit: string
  readonly definition: string
}

/** Every chart of the page, by the name of its endpoint under /api. The page, /docs and the audit read the same words. */
export const charts = {
  summary: {
    title: "Totals",
    unit: "listeners, plays, seconds",
    definition:
      "A play is one listen event. A listener is a distinct user with at least one play in the period; plays of unknown users count as plays only. Seconds listened are floor(duration) per play, less what was skipped. Paid listeners had at least one play on the paid level. New listeners had their first play ever in the period. Changes compare closed hours with the same hours of the previous period of equal length."
  },
  trend: {
    title: "Totals over time",
    unit: "per hour or per day",
    definition:
      "The totals of each hour (periods of up to two days) or of each UTC day, counted on their own: listeners of days do not add up to listeners of the period."
  },
  "activity-by-hour": {
    title: "Activity by hour",
    unit: "plays per hour",
    definition:
      "Plays in each UTC hour of the last day of the period, and of the day before it. An hour that is not closed yet is still filling."
  },
  states: {
    title: "Listeners by state",
    unit: "listeners, plays",
    definition:
      "Distinct listeners and plays by the state in which they played. A listener who played in two states counts in both."
  },
  "top-songs": {
    title: "Chart Busters",
    unit: "plays",
    definition:
      "Songs by plays. The move is against the song's place in the previous period of equal length; ties go by title, then artist."
  },
  "top-artists": {
    title: "Top artists",
    unit: "plays",
    definition:
      "Artists by plays of all their songs. The move is against the artist's place in the previous period of equal length; ties go by name."
  },
  gender: {
    title: "Gender",
    unit: "listeners",
    definition: "Distinct listeners by the gender of their profile; unknown when the profile has none."
  },
  "level-by-gender": {
    title: "Level by gender",
    unit: "listeners",
    definition:
      "Distinct listeners by the level at which they played, free or paid, and by gender. A listener who changed level in the period counts in both."
  },
  heatmap: {
    title: "Day and hour",
    unit: "plays per hour",
    definition:
      "Mean plays per UTC hour, by weekday and hour of the day, over the closed hours of the period."
  },
  "active-users": {
    title: "Active listeners",
    unit: "listeners",
    definition:
      "Distinct listeners of the day, of the 7 days and of the 28 days that end with it. All states: this chart is not filtered."
  },
  "level-changes": {
    title: "Conversion and cancellations",
    unit: "changes of level",
    definition:
      "Users whose level changed on the period's days, by the level that their next event shows, not by what they asked for; and users who cancelled, by their level. The share is of the listeners at that level in the same days. All states: this chart is not filtered."
  },
  retention: {
    title: "Retention",
    unit: "% of a week's new listeners",
    definition:
      "Of the users whose first play lies in a week: how many of them played again 1 to 7 weeks later. The eight weeks up to the period's end. All states: this chart is not filtered."
  },
  skips: {
    title: "Skip rate",
    unit: "% of plays",
    definition: "Plays that the session's next play cut short, of all plays, by the level at the play."
  },
  devices: {
    title: "Devices",
    unit: "listeners",
    definition:
      "Distinct listeners by what their user agent says: browser, operating system, kind of device. A listener with two devices counts in both."
  }
} as const satisfies Record<string, ChartText>

/** Name of a chart and of its endpoint. */
export type ChartName = keyof typeof charts
