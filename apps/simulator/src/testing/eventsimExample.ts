import type { EventsimConfigFile } from "../EventsimConfig.ts"
import { sessions, transitions } from "../stateTables.ts"

/**
 * The state machine of Eventsim's example config as numbers: statistics of real Eventsim output for it are known
 * (`statistics.test.ts`).
 */
export const eventsimExample: EventsimConfigFile = {
  seed: 1,
  alpha: 90.0,
  beta: 604800.0,
  damping: 0.09375,
  "weekend-damping": 0.5,
  "weekend-damping-offset": 180,
  "weekend-damping-scale": 360,
  "session-gap": 1800,
  "churned-state": "Cancelled",
  "new-user-auth": "Guest",
  "new-user-level": "free",
  "growth-rate": 0.25,
  auths: [
    { auth: "Guest", weight: 0 },
    { auth: "Logged In", weight: 10 },
    { auth: "Logged Out", weight: 1 }
  ],
  levels: [
    { level: "free", weight: 10 },
    { level: "paid", weight: 2 }
  ],
  "show-user-details": [
    { auth: "Guest", show: false },
    { auth: "Logged In", show: true },
    { auth: "Logged Out", show: false },
    { auth: "Cancelled", show: true }
  ],
  "new-session": [
    ...sessions("Guest", "free", { About: 20, Help: 10, Home: 100, Register: 30, Error: 5 }),
    ...sessions("Logged In", "free", { About: 5, Help: 10, Home: 1000, NextSong: 1500, Error: 1 }),
    ...sessions("Logged Out", "free", { About: 10, Help: 10, Home: 1000, Login: 500, Error: 1 }),
    ...sessions("Logged In", "paid", { About: 5, Help: 5, Home: 1000, NextSong: 1750, Error: 1 }),
    ...sessions("Logged Out", "paid", { About: 10, Help: 10, Home: 1000, Login: 500, Error: 1 })
  ],
  transitions: [
    ...transitions("Guest", "free", {
      About: { About: 0.05, Help: 0.05, Home: 0.3, Register: 0.1, Error: 0.001 },
      Help: { About: 0.0025, Help: 0.1, Home: 0.2, Register: 0.03, Error: 0.001 },
      Home: { About: 0.1, Help: 0.05, Home: 0.1, Register: 0.3, Error: 0.001 },
      Register: {
        About: 0.01,
        Help: 0.02,
        Home: 0.1,
        Register: 0.05,
        "Submit Registration > Logged In": 0.7,
        Error: 0.001
      },
      Error: { About: 0.01, Help: 0.05, Home: 0.5, Error: 0.1 }
    }),
    ...transitions("Logged In", "free", {
      "Submit Registration": { "Error > Guest": 0.001, Home: 0.999 },
      About: {
        About: 0.05,
        Help: 0.01,
        Home: 0.2,
        Settings: 0.01,
        NextSong: 0.3,
        Logout: 0.01,
        Error: 0.001
      },
      Help: {
        About: 0.002,
        Help: 0.1,
        Home: 0.2,
        Settings: 0.05,
        Upgrade: 0.01,
        NextSong: 0.32,
        Logout: 0.01,
        Error: 0.001
      },
      Home: {
        About: 0.002,
        Help: 0.002,
        Home: 0.01,
        Settings: 0.02,
        Upgrade: 0.01,
        NextSong: 0.6,
        Logout: 0.01,
        Error: 0.001
      },
      Settings: {
        About: 0.002,
        Help: 0.05,
        Home: 0.1,
        Settings: 0.1,
        Upgrade: 0.01,
        NextSong: 0.3,
        Cancel: 0.005,
        Logout: 0.01,
        "Save Settings": 0.2,
        Error: 0.001
      },
      Upgrade: {
        About: 0.002,
        Help: 0.006,
        Home: 0.1,
        Upgrade: 0.07,
        NextSong: 0.325,
        Logout: 0.01,
        "Submit Upgrade": 0.3,
        Error: 0.001
      },
      NextSong: {
        About: 0.002,
        Help: 0.005,
        Home: 0.02,
        Settings: 0.005,
        Upgrade: 0.01,
        NextSong: 0.5,
        Logout: 0.02,
        Error: 0.001
      },
      Cancel: { "Cancellation Confirmation > Cancelled": 0.999, Error: 0.001 },
      Logout: { "Home > Logged Out": 1 },
      "Save Settings": { Home: 0.65, Settings: 0.1, Error: 0.001 },
      "Submit Upgrade": { "Home > Logged In, paid": 1 },
      Error: { About: 0.001, Help: 0.002, Home: 0.1, NextSong: 0.3, Logout: 0.01, Error: 0.01 }
    }),
    ...transitions("Logged Out", "free", {
      About: { About: 0.05, Help: 0.025, Home: 0.3, Login: 0.4, Error: 0.001 },
      Help: { About: 0.0025, Help: 0.1, Home: 0.3, Login: 0.5, Error: 0.001 },
      Home: { About: 0.1, Help: 0.05, Home: 0.1, Login: 0.5, Error: 0.001 },
      Login: { "Home > Logged In": 0.9, Home: 0.099, Error: 0.001 },
      Error: { About: 0.01, Help: 0.05, Home: 0.5, Login: 0.1, Error: 0.01 }
    }),
    ...transitions("Logged In", "paid", {
      About: {
        About: 0.05,
        Help: 0.01,
        Home: 0.2,
        Settings: 0.01,
        NextSong: 0.4,
        Logout: 0.01,
        Error: 0.001
      },
      Downgrade: {
        About: 0.002,
        Downgrade: 0.07,
        Help: 0.006,
        Home: 0.1,
        NextSong: 0.63,
        Logout: 0.01,
        "Submit Downgrade": 0.01,
        Error: 0.001
      },
      Help: {
        About: 0.002,
        Downgrade: 0.01,
        Help: 0.05,
        Home: 0.1,
        Settings: 0.02,
        NextSong: 0.75,
        Logout: 0.01,
        Error: 0.001
      },
      Home: {
        About: 0.002,
        Downgrade: 0.01,
        Help: 0.002,
        Home: 0.01,
        Settings: 0.02,
        NextSong: 0.85,
        Logout: 0.01,
        Error: 0.001
      },
      Settings: {
        About: 0.002,
        Downgrade: 0.01,
        Help: 0.05,
        Home: 0.05,
        Settings: 0.05,
        NextSong: 0.6,
        Cancel: 0.005,
        Logout: 0.01,
        "Save Settings": 0.2,
        Error: 0.001
      },
      NextSong: {
        About: 0.002,
        Downgrade: 0.01,
        Help: 0.005,
        Home: 0.02,
        Settings: 0.005,
        NextSong: 0.925,
        Logout: 0.01,
        Error: 0.001
      },
      Cancel: { "Cancellation Confirmation > Cancelled": 0.999, Error: 0.001 },
      Logout: { Error: 0.001, "Home > Logged Out": 0.999 },
      "Save Settings": { Home: 0.8, Settings: 0.1, Error: 0.001 },
      "Submit Downgrade": { "Home > Logged In, free": 0.999, Error: 0.001 },
      Error: { About: 0.001, Help: 0.01, Home: 0.1, NextSong: 0.2, Logout: 0.01, Error: 0.001 }
    }),
    ...transitions("Logged Out", "paid", {
      About: { About: 0.05, Help: 0.05, Home: 0.3, Login: 0.1, Error: 0.001 },
      Help: { About: 0.0025, Help: 0.1, Home: 0.2, Login: 0.03, Error: 0.001 },
      Home: { About: 0.1, Help: 0.05, Home: 0.1, Login: 0.3, Error: 0.001 },
      Login: { "Home > Logged In": 0.9, Home: 0.099, Error: 0.001 },
      Error: { Help: 0.05, Home: 0.3, Login: 0.1, Error: 0.01 }
    })
  ]
}
