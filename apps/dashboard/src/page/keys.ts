import { useEffect } from "preact/hooks"

/** Keys of the page, for the help sheet and for `useKeys`. */
export const keyNames = {
  d: "Today",
  w: "7 days",
  f: "14 days",
  m: "30 days",
  y: "All of the data",
  "/": "Choose a state",
  t: "Colours: system, light, dark",
  Escape: "Remove the filter",
  "?": "This list"
} as const
export type Key = keyof typeof keyNames

/** Calls the action of a key that is pressed outside of fields and sheets, without Ctrl, Alt or Meta. */
export const useKeys = (actions: Readonly<Record<Key, () => void>>): void => {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as Element
      if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]") !== null)
        return
      if (target.matches("input, textarea, select") && event.key !== "Escape") return
      const action = (actions as Readonly<Record<string, (() => void) | undefined>>)[event.key]
      if (action === undefined) return
      event.preventDefault()
      action()
    }
    addEventListener("keydown", onKey)
    return () => removeEventListener("keydown", onKey)
  })
}
