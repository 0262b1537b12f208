import { useEffect, useState } from "preact/hooks"
import type { Preset } from "../period.ts"

/** Measures that the map can show. */
export const mapMeasures = ["listeners", "plays", "plays-per-listener"] as const
export type MapMeasure = (typeof mapMeasures)[number]

/** All that the page shows is in its URL, so that a link shows the same to others. */
export interface PageState {
  readonly range: Preset
  /** A custom range (UTC days or hours, both included) instead of `range`. */
  readonly from: string | null
  readonly to: string | null
  readonly state: string | null
  readonly map: MapMeasure
}

const presetNames: ReadonlyArray<Preset> = ["today", "7d", "14d", "30d", "all"]
const oneOf = <A extends string>(names: ReadonlyArray<A>, text: string | null, fallback: A): A =>
  names.find((name) => name === text) ?? fallback

export const readUrl = (search: string): PageState => {
  const params = new URLSearchParams(search)
  const from = params.get("from")
  const to = params.get("to")
  const custom = from !== null && to !== null
  return {
    range: oneOf(presetNames, params.get("range"), "7d"),
    from: custom ? from : null,
    to: custom ? to : null,
    state: params.get("state"),
    map: oneOf(mapMeasures, params.get("map"), "listeners")
  }
}

/** The query of the page's own URL; what is as by default is left out. */
export const writeUrl = ({ range, from, to, state, map }: PageState): string => {
  const params = new URLSearchParams()
  if (from !== null && to !== null) {
    params.set("from", from)
    params.set("to", to)
  } else if (range !== "7d") params.set("range", range)
  if (state !== null) params.set("state", state)
  if (map !== "listeners") params.set("map", map)
  const text = params.toString()
  return text === "" ? location.pathname : `?${text}`
}

/** The parameters of the API that the page's state asks for. */
export const apiParams = ({ range, from, to, state }: PageState): string => {
  const params = new URLSearchParams(from !== null && to !== null ? { from, to } : { range })
  if (state !== null) params.set("state", state)
  return params.toString()
}

/** The state in the URL; a change is a step in the browser's history. */
export const useUrlState = (): readonly [PageState, (change: Partial<PageState>) => void] => {
  const [state, setState] = useState(() => readUrl(location.search))
  useEffect(() => {
    const onPop = () => setState(readUrl(location.search))
    addEventListener("popstate", onPop)
    return () => removeEventListener("popstate", onPop)
  }, [])
  const change = (part: Partial<PageState>) => {
    const next = { ...readUrl(location.search), ...part }
    const url = writeUrl(next)
    if (url !== writeUrl(readUrl(location.search))) history.pushState(null, "", url)
    setState(next)
  }
  return [state, change]
}
