import type { State } from "./EventsimConfig.ts"

/** Where a listener goes from a page, with which probability; what is missing to 1 ends the session. */
export type Ways = Readonly<Record<string, number>>

/** Pages that are forms or actions: sent by PUT and answered by a redirect. */
const redirects = [
  "Login",
  "Logout",
  "Submit Registration",
  "Submit Upgrade",
  "Submit Downgrade",
  "Save Settings",
  "Cancel"
]

const state = (page: string, auth: string, level: string): State => ({
  page,
  auth,
  status: page === "Error" ? 404 : redirects.includes(page) ? 307 : 200,
  method: page === "NextSong" || redirects.includes(page) ? "PUT" : "GET",
  level
})

/** Transitions of one (auth, level): from page to pages. A destination "Home > Logged Out" or "Home > Logged In, paid" changes both. */
export const transitions = (auth: string, level: string, pages: Readonly<Record<string, Ways>>) =>
  Object.entries(pages).flatMap(([page, ways]) =>
    Object.entries(ways).map(([to, p]) => {
      const [destination, change = `${auth}, ${level}`] = to.split(" > ")
      const [newAuth, newLevel = level] = change.split(", ")
      return {
        source: state(page, page === "Submit Registration" ? "Logged In" : auth, level),
        dest: state(destination, newAuth, newLevel),
        p
      }
    })
  )

/** States in which sessions of one (auth, level) begin, with their weights. */
export const sessions = (auth: string, level: string, pages: Readonly<Record<string, number>>) =>
  Object.entries(pages).map(([page, weight]) => ({ ...state(page, auth, level), weight }))
