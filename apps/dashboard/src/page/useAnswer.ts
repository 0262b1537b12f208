import { useEffect, useState } from "preact/hooks"
import type { Answer, Live, Problem, Status } from "../api/answers.ts"
import type { ChartName } from "../charts.ts"

/** What a chart has: the last answer stays while the next one is fetched. */
export interface Loaded<A> {
  readonly data: A | undefined
  readonly error: string | undefined
  /** Another period or filter is being fetched: what is shown is of the one before. */
  readonly stale: boolean
}

const load = async <A>(url: string, signal: AbortSignal): Promise<A> => {
  const response = await fetch(url, { signal, cache: "no-cache" })
  if (response.ok) return (await response.json()) as A
  const problem = (await response.json().catch(() => undefined)) as Problem | undefined
  throw new Error(problem?.detail ?? `The dashboard answered ${response.status}.`)
}

/** Fetches `url`, again for each new published version; an answer that was overtaken is dropped. */
export const useJson = <A>(url: string, version: string | null): Loaded<A> => {
  const [state, setState] = useState<{ readonly url: string; readonly data?: A; readonly error?: string }>({
    url: ""
  })
  useEffect(() => {
    const control = new AbortController()
    load<A>(url, control.signal).then(
      (data) => setState({ url, data }),
      (error: Error) => {
        if (!control.signal.aborted) setState({ url, error: error.message })
      }
    )
    return () => control.abort()
  }, [url, version])
  return { data: state.data, error: state.error, stale: state.url !== url }
}

/** One chart's answer for the page's parameters. */
export const useAnswer = <R>(chart: ChartName, params: string, version: string | null): Loaded<Answer<R>> =>
  useJson<Answer<R>>(`/api/${chart}?${params}`, version)

export const useStatus = (version: string | null): Loaded<Status> => useJson<Status>("/api/status", version)

/** The live stream: its last message, and whether it is connected. */
export const useLive = (): { readonly live: Live | undefined; readonly connected: boolean } => {
  const [live, setLive] = useState<Live>()
  const [connected, setConnected] = useState(true)
  useEffect(() => {
    const stream = new EventSource("/api/live")
    stream.onmessage = (event: MessageEvent<string>) => {
      setConnected(true)
      setLive(JSON.parse(event.data) as Live)
    }
    stream.onerror = () => setConnected(false)
    return () => stream.close()
  }, [])
  return { live, connected }
}
