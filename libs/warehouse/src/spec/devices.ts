import { deviceNames } from "@musify/domain/deviceNames.ts"
import { surrogateKey } from "@musify/domain/surrogateKey.ts"
import type { Logged } from "./logged.ts"

/** A row of dim_devices: one user agent, and the unknown member. */
export interface DeviceRow {
  readonly device_key: bigint
  readonly user_agent: string | null
  readonly browser: string | null
  readonly os: string | null
  readonly form: string | null
}

/** Key of an event's user agent; null is the unknown device. */
export const deviceKey = (userAgent: string | null): bigint => surrogateKey("device", userAgent)

/** The rows of dim_devices: each text that events without second copies give as their user agent. */
export const deviceRows = (events: Iterable<Logged>): ReadonlyArray<DeviceRow> =>
  [...new Set([null, ...[...events].map(({ event }) => event.userAgent)])].map((user_agent) => ({
    device_key: deviceKey(user_agent),
    user_agent,
    ...(user_agent === null ? { browser: null, os: null, form: null } : deviceNames(user_agent))
  }))
