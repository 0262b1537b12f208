import { usStates } from "@musify/domain/usStates.ts"
import { useRef, useState } from "preact/hooks"
import type { Live, Status } from "../api/answers.ts"
import type { Preset } from "../period.ts"
import { exact, spanText, timeText } from "./format.ts"
import type { Theme } from "./theme.ts"
import { stateName } from "./UsMap.tsx"
import type { PageState } from "./urlState.ts"

const ranges: ReadonlyArray<readonly [preset: Preset, name: string, key: string]> = [
  ["today", "Today", "d"],
  ["7d", "7 d", "w"],
  ["14d", "14 d", "f"],
  ["30d", "30 d", "m"],
  ["all", "All", "y"]
]

interface ControlsProps {
  readonly page: PageState
  readonly change: (part: Partial<PageState>) => void
  /** First and last day that have data, `2026-11-09`. */
  readonly days: readonly [first: string, last: string] | undefined
}

const CustomRange = ({ page, change, days }: ControlsProps) => {
  const details = useRef<HTMLDetailsElement>(null)
  const [problem, setProblem] = useState("")
  const apply = (event: SubmitEvent) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    const [from, to] = [String(data.get("from")), String(data.get("to"))]
    if (from === "" || to === "" || to < from) {
      setProblem("Choose two days, the first not after the last.")
      return
    }
    setProblem("")
    details.current?.removeAttribute("open")
    change({ from, to })
  }
  const shown =
    page.from === null ? "Custom" : page.from === page.to ? page.from : `${page.from} – ${page.to}`
  return (
    <details class="custom" ref={details}>
      <summary class={page.from === null ? "" : "on"}>{shown}</summary>
      <form class="menu-body" onSubmit={apply}>
        <label>
          First day
          <input
            type="date"
            name="from"
            min={days?.[0]}
            max={days?.[1]}
            defaultValue={page.from?.slice(0, 10) ?? days?.[0]}
          />
        </label>
        <label>
          Last day (UTC)
          <input
            type="date"
            name="to"
            min={days?.[0]}
            max={days?.[1]}
            defaultValue={page.to?.slice(0, 10) ?? days?.[1]}
          />
        </label>
        {problem !== "" && <p role="alert">{problem}</p>}
        <button type="submit">Show</button>
      </form>
    </details>
  )
}

/** Range, state and filter chip. */
export const Controls = ({ page, change, days }: ControlsProps) => (
  <div class="controls">
    <div class="segments" role="group" aria-label="Period">
      {ranges.map(([preset, name, key]) => (
        <button
          type="button"
          key={preset}
          aria-pressed={page.from === null && page.range === preset}
          aria-keyshortcuts={key}
          onClick={() => change({ range: preset, from: null, to: null })}
        >
          {name}
        </button>
      ))}
      <CustomRange page={page} change={change} days={days} />
    </div>
    <label class="select">
      <span>State</span>
      <select
        id="state-filter"
        value={page.state ?? ""}
        onChange={(event) =>
          change({ state: event.currentTarget.value === "" ? null : event.currentTarget.value })
        }
      >
        <option value="">All</option>
        {[...usStates]
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ code, name }) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        <option value="none">No state</option>
      </select>
    </label>
    {page.state !== null && (
      <button
        type="button"
        class="chip"
        onClick={() => change({ state: null })}
        aria-label={`Remove the filter ${stateName(page.state)}`}
      >
        {stateName(page.state)} <span aria-hidden="true">×</span>
      </button>
    )}
  </div>
)

/** Beyond this time without a new version while events arrive, the page says that it is behind. */
const staleAfter = 75 * 60_000

interface FreshnessProps {
  readonly status: Status | undefined
  readonly live: Live | undefined
  readonly connected: boolean
}

/** "data through 16:42 UTC · 2 late hours rebuilt 16:45 · audits 41/41 passed · log → page 38 s" */
export const Freshness = ({ status, live, connected }: FreshnessProps) => {
  if (status === undefined || status.through === null) {
    return (
      <p class="freshness">
        {connected ? "waiting for the first built hour" : "the dashboard's server does not answer"}
      </p>
    )
  }
  const { through, lateHours, audits, problem } = status
  const now = live?.at ?? status.publishedAt ?? through
  const lag = now - through
  const failed = audits.failed.length > 0
  const stale = (live?.eventsPerSecond ?? 0) > 0 && now - (status.publishedAt ?? now) > staleAfter
  return (
    <p class="freshness">
      data through <b>{timeText(through, now)}</b> UTC
      {lateHours.length > 0 && (
        <>
          {" · "}
          <span
            data-tip={`Hours built again for late events\n${lateHours
              .slice(0, 8)
              .map((late) => timeText(late.hour * 36e5, now))
              .join("\n")}`}
          >
            {lateHours.length} late {lateHours.length === 1 ? "hour" : "hours"} rebuilt{" "}
            {timeText(lateHours[0].rebuiltAt, now)}
          </span>
        </>
      )}
      {audits.total > 0 && (
        <>
          {" · "}
          <span
            class={failed ? "bad" : ""}
            data-tip={failed ? ["Audits that failed", ...audits.failed].join("\n") : undefined}
          >
            audits {audits.passed}/{audits.total} passed
          </span>
        </>
      )}
      {live !== undefined && (
        <>
          {" · "}
          <span class={stale ? "bad" : ""} data-tip="Age of the newest event on this page">
            log → page {spanText(lag)}
            {stale && ": nothing new is published, is the batcher running?"}
          </span>
        </>
      )}
      {!connected && <span class="bad"> · connection lost, trying again</span>}
      {problem !== null && (
        <span class="bad" data-tip={problem}>
          {" "}
          · the latest version cannot be read, showing the one before
        </span>
      )}
    </p>
  )
}

/** The log's rate, with a light that is on while the stream is. */
export const LiveRate = ({
  live,
  connected
}: {
  readonly live: Live | undefined
  readonly connected: boolean
}) => {
  const rate = live?.eventsPerSecond
  const on = connected && rate !== undefined && rate !== null
  const text = !connected
    ? "offline"
    : !on
      ? "no event log"
      : `${rate < 100 ? rate.toFixed(1) : exact(rate)} events/s`
  const tip =
    on && live?.logEvents !== null
      ? `Events that the log acknowledges\n${exact(live?.logEvents ?? 0)} since it was made`
      : undefined
  return (
    <span class={`live ${on ? "on" : ""}`} data-tip={tip}>
      <i aria-hidden="true" />
      {on && <span class="quiet">live</span>} <b>{text}</b>
    </span>
  )
}

const themeNames: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" }

/** Light, dark or as the system says. */
export const ThemeButton = ({ theme, next }: { readonly theme: Theme; readonly next: () => void }) => (
  <button
    type="button"
    class="plain icon"
    onClick={next}
    aria-label={`Colours: ${themeNames[theme]}. Change`}
    data-tip={`Colours: ${themeNames[theme]}`}
  >
    <svg viewBox="0 0 20 20" aria-hidden="true">
      {theme === "light" ? (
        <g class="stroke">
          <circle cx="10" cy="10" r="3.5" />
          <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M4.3 15.7l1.4-1.4M14.3 5.7l1.4-1.4" />
        </g>
      ) : theme === "dark" ? (
        <path class="stroke" d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />
      ) : (
        <g>
          <circle class="stroke" cx="10" cy="10" r="6.5" />
          <path class="solid" d="M10 3.5a6.5 6.5 0 0 1 0 13Z" />
        </g>
      )}
    </svg>
  </button>
)
