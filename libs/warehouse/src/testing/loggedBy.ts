import type { Logged } from "../spec/logged.ts"

/** An event of one listener, in partition 0, with what a test says of it. */
export const loggedBy = (
  user: number,
  {
    event,
    offset,
    topic
  }: Pick<Logged, "topic" | "offset"> & { readonly event: Readonly<Record<string, unknown>> }
): Logged =>
  ({
    topic,
    partition: 0,
    offset,
    event: {
      sessionId: user,
      itemInSession: 0,
      level: "free",
      auth: "Logged In",
      userId: user,
      firstName: "Ada",
      lastName: "Li",
      gender: "F",
      registration: null,
      city: "Ukiah",
      state: "CA",
      zip: "95482",
      lat: 39.1,
      lon: -123.2,
      userAgent: null,
      artist: "Twins",
      song: "Two",
      duration: 3.99,
      page: "NextSong",
      method: "PUT",
      status: 200,
      tag: null,
      ...event
    }
  }) as unknown as Logged
