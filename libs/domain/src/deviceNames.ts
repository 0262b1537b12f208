import Bowser from "bowser"

/** The package that reads user agents, with its release: part of the version of dim_devices. */
export const userAgentParser = "bowser 2.15.1"

/** What a user agent says; "other" where the parser finds no name. */
export interface DeviceNames {
  readonly browser: string
  readonly os: string
  readonly form: string
}

/** Name of what the parser does not know. */
const other = "other"

/** Reads a user agent. Eventsim puts it in quotes. */
export const deviceNames = (userAgent: string): DeviceNames => {
  const text = userAgent.replace(/^"(.*)"$/s, "$1")
  if (text === "") return { browser: other, os: other, form: other }
  const { browser, os, platform } = Bowser.parse(text)
  return { browser: browser.name || other, os: os.name || other, form: platform.type || other }
}
