import type { EventsimConfigFile } from "./EventsimConfig.ts"
import { sessions, transitions } from "./stateTables.ts"

const guest = transitions("Guest", "free", {
  Home: { Register: 0.34, About: 0.12, Help: 0.05, Home: 0.06, Error: 0.003 },
  About: { Register: 0.2, Home: 0.3, Help: 0.06, Error: 0.002 },
  Help: { Register: 0.12, Home: 0.32, About: 0.06, Help: 0.05, Error: 0.002 },
  Register: { "Submit Registration > Logged In": 0.68, Register: 0.08, Help: 0.03, Home: 0.06, Error: 0.005 },
  "Submit Registration": { "Home > Logged In": 0.997, "Error > Guest": 0.003 },
  Error: { Home: 0.55, Help: 0.06 }
})

const loggedOut = (level: string) =>
  transitions("Logged Out", level, {
    Home: { Login: 0.62, About: 0.03, Help: 0.04, Home: 0.05, Error: 0.002 },
    About: { Login: 0.35, Home: 0.3, Help: 0.05 },
    Help: { Login: 0.45, Home: 0.25, Help: 0.05 },
    Login: { "Home > Logged In": 0.93, Home: 0.066, Error: 0.004 },
    Error: { Home: 0.5, Login: 0.2 }
  })

const free = transitions("Logged In", "free", {
  Home: {
    NextSong: 0.73,
    Settings: 0.03,
    Upgrade: 0.035,
    Help: 0.015,
    About: 0.008,
    Home: 0.025,
    Logout: 0.012,
    Error: 0.002
  },
  NextSong: {
    NextSong: 0.86,
    Home: 0.03,
    Settings: 0.004,
    Upgrade: 0.008,
    Help: 0.003,
    About: 0.002,
    Logout: 0.008,
    Error: 0.002
  },
  Upgrade: {
    "Submit Upgrade": 0.24,
    NextSong: 0.4,
    Home: 0.14,
    Help: 0.03,
    Upgrade: 0.05,
    Logout: 0.01,
    Error: 0.002
  },
  "Submit Upgrade": { "Home > Logged In, paid": 0.985, Upgrade: 0.013, Error: 0.002 },
  Settings: {
    "Save Settings": 0.25,
    NextSong: 0.32,
    Home: 0.15,
    Help: 0.05,
    Settings: 0.06,
    Upgrade: 0.03,
    Cancel: 0.022,
    Logout: 0.02,
    Error: 0.002
  },
  "Save Settings": { Home: 0.7, Settings: 0.25, Error: 0.002 },
  Help: { NextSong: 0.4, Home: 0.22, Settings: 0.06, Upgrade: 0.02, Help: 0.08, Logout: 0.01, Error: 0.002 },
  About: { NextSong: 0.4, Home: 0.25, Upgrade: 0.03, Help: 0.03, Logout: 0.01 },
  Cancel: { "Cancellation Confirmation > Cancelled": 0.997, Error: 0.003 },
  Logout: { "Home > Logged Out": 1 },
  Error: { Home: 0.4, NextSong: 0.35, Help: 0.03 }
})

const paid = transitions("Logged In", "paid", {
  Home: {
    NextSong: 0.86,
    Settings: 0.025,
    Downgrade: 0.008,
    Help: 0.008,
    About: 0.004,
    Home: 0.02,
    Logout: 0.008,
    Error: 0.001
  },
  NextSong: {
    NextSong: 0.925,
    Home: 0.022,
    Settings: 0.003,
    Downgrade: 0.002,
    Help: 0.002,
    About: 0.001,
    Logout: 0.005,
    Error: 0.001
  },
  Downgrade: {
    "Submit Downgrade": 0.16,
    NextSong: 0.52,
    Home: 0.15,
    Help: 0.03,
    Downgrade: 0.04,
    Error: 0.001
  },
  "Submit Downgrade": { "Home > Logged In, free": 0.99, Downgrade: 0.008, Error: 0.002 },
  Settings: {
    "Save Settings": 0.26,
    NextSong: 0.4,
    Home: 0.15,
    Downgrade: 0.02,
    Help: 0.03,
    Settings: 0.05,
    Cancel: 0.01,
    Logout: 0.01,
    Error: 0.001
  },
  "Save Settings": { Home: 0.74, Settings: 0.24, Error: 0.001 },
  Help: {
    NextSong: 0.5,
    Home: 0.25,
    Settings: 0.05,
    Downgrade: 0.01,
    Help: 0.06,
    Logout: 0.005,
    Error: 0.001
  },
  About: { NextSong: 0.5, Home: 0.28, Help: 0.02 },
  Cancel: { "Cancellation Confirmation > Cancelled": 0.997, Error: 0.003 },
  Logout: { "Home > Logged Out": 1 },
  Error: { Home: 0.45, NextSong: 0.4, Help: 0.02 }
})

/**
 * The config that runs when none is given: a service with free and paid listeners, guests who register, upgrades,
 * downgrades and cancellations. Some 8 songs in a free session and 13 in a paid one; listeners come every four days
 * or so.
 */
export const defaultConfig: EventsimConfigFile = {
  alpha: 75,
  beta: 950_400,
  damping: 0.09,
  "weekend-damping": 0.3,
  "weekend-damping-offset": 180,
  "weekend-damping-scale": 360,
  "session-gap": 1800,
  "growth-rate": 0.6,
  "attrition-rate": 0.1,
  "churned-state": "Cancelled",
  "new-user-auth": "Guest",
  "new-user-level": "free",
  auths: [
    { auth: "Guest", weight: 0 },
    { auth: "Logged In", weight: 10 },
    { auth: "Logged Out", weight: 1 }
  ],
  levels: [
    { level: "free", weight: 7 },
    { level: "paid", weight: 3 }
  ],
  "show-user-details": [
    { auth: "Guest", show: false },
    { auth: "Logged In", show: true },
    { auth: "Logged Out", show: false },
    { auth: "Cancelled", show: true }
  ],
  "new-session": [
    ...sessions("Guest", "free", { Home: 70, Register: 18, About: 10, Help: 4, Error: 1 }),
    ...sessions("Logged Out", "free", { Home: 60, Login: 35, Help: 2, About: 1, Error: 1 }),
    ...sessions("Logged Out", "paid", { Home: 50, Login: 45, Help: 2, About: 1, Error: 1 }),
    ...sessions("Logged In", "free", { Home: 40, NextSong: 56, Help: 1, Settings: 1, About: 1, Error: 1 }),
    ...sessions("Logged In", "paid", { Home: 30, NextSong: 68, Help: 1, Settings: 1, Error: 1 })
  ],
  transitions: [...guest, ...loggedOut("free"), ...loggedOut("paid"), ...free, ...paid]
}
