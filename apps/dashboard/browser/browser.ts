import { chromium } from "playwright-core"
import type { Browser } from "playwright-core"
import fs from "node:fs"
import process from "node:process"

const places = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome"
]

/** Where this machine has a Chromium (CHROMIUM in the environment says otherwise); undefined: nowhere. */
export const chromiumPath = places.find((place) => place !== undefined && fs.existsSync(place))

/** Starts it with a fresh profile and without what it would fetch by itself. */
export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    // Never a matter of how fast the machine is.
    timeout: 120_000,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })
