/** The four event topics, with Eventsim's names. */
export const topics = ["listen_events", "page_view_events", "auth_events", "status_change_events"] as const

/** The name of an event topic; also the name of the NDJSON file that a real Eventsim writes. */
export type Topic = (typeof topics)[number]

/** Counts that are in the order of `topics`, under the topics' names. */
export const byTopic = (counts: ArrayLike<number>): Record<Topic, number> =>
  Object.fromEntries(topics.map((topic, t) => [topic, counts[t]])) as Record<Topic, number>
