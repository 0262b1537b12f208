import { render } from "preact"
import { useState } from "preact/hooks"
import type * as A from "../api/answers.ts"
import { charts } from "../charts.ts"
import { dayText, timeOf, weekdayText } from "./format.ts"
import { GenderBars, LevelByGenderBars } from "./GenderCharts.tsx"
import { Controls, Freshness, LiveRate, ThemeButton } from "./Header.tsx"
import { ActiveUsersChart, ActivityChart, Heatmap } from "./HourCharts.tsx"
import { DeviceBars, LevelChangeBars, RetentionTable, SkipBars } from "./ListenerCharts.tsx"
import { keyNames, useKeys } from "./keys.ts"
import { Panel, Sheet } from "./Panel.tsx"
import { RankList } from "./RankList.tsx"
import { useTheme } from "./theme.ts"
import { Tiles } from "./Tiles.tsx"
import { installTooltip } from "./tooltip.ts"
import { apiParams, mapMeasures, useUrlState } from "./urlState.ts"
import type { MapMeasure } from "./urlState.ts"
import { useAnswer, useLive, useStatus } from "./useAnswer.ts"
import { stateName, UsMap } from "./UsMap.tsx"

const measureNames: Readonly<Record<MapMeasure, string>> = {
  listeners: "Listeners",
  plays: "Plays",
  "plays-per-listener": "Plays per listener"
}

const isoDay = (hour: number): string => new Date(hour * 36e5).toISOString().slice(0, 10)

/** `17 – 23 Nov` and what it is compared with, from the summary's spans. */
const periodText = (answer: A.Answer<A.SummaryRow> | undefined): string => {
  if (answer === undefined) return "…"
  const { from, to } = answer.period
  const [first, last] = [timeOf(from), timeOf(to) - 1]
  const span = dayText(first) === dayText(last) ? weekdayText(first) : `${dayText(first)} – ${dayText(last)}`
  const previous = answer.rows.find((row) => row.span === "previous")
  if (previous === undefined) return `${span}, no earlier period to compare with`
  const [start, end] = [dayText(timeOf(previous.from)), dayText(timeOf(previous.to) - 1)]
  return `${span}, compared with ${start === end ? start : `${start} – ${end}`}`
}

const Help = ({ onClose }: { readonly onClose: () => void }) => (
  <Sheet title="Keys" onClose={onClose}>
    <dl class="keys">
      {Object.entries(keyNames).map(([key, name]) => (
        <div key={key}>
          <dt>
            <kbd>{key === "Escape" ? "Esc" : key}</kbd>
          </dt>
          <dd>{name}</dd>
        </div>
      ))}
    </dl>
  </Sheet>
)

const Page = () => {
  const [page, change] = useUrlState()
  const [theme, nextTheme] = useTheme()
  const [help, setHelp] = useState(false)
  const { live, connected } = useLive()
  const version = live?.version ?? null
  const params = apiParams(page)
  const everywhere = apiParams({ ...page, state: null })

  const status = useStatus(version)
  const summary = useAnswer<A.SummaryRow>("summary", params, version)
  const trend = useAnswer<A.TrendRow>("trend", params, version)
  const states = useAnswer<A.StateRow>("states", everywhere, version)
  const activity = useAnswer<A.ActivityRow>("activity-by-hour", params, version)
  const songs = useAnswer<A.SongRow>("top-songs", params, version)
  const artists = useAnswer<A.ArtistRow>("top-artists", params, version)
  const gender = useAnswer<A.GenderRow>("gender", params, version)
  const levels = useAnswer<A.LevelByGenderRow>("level-by-gender", params, version)
  const heatmap = useAnswer<A.HeatmapRow>("heatmap", params, version)
  const active = useAnswer<A.ActiveUsersRow>("active-users", everywhere, version)
  const changes = useAnswer<A.LevelChangeRow>("level-changes", everywhere, version)
  const retention = useAnswer<A.RetentionRow>("retention", everywhere, version)
  const skips = useAnswer<A.SkipsRow>("skips", params, version)
  const devices = useAnswer<A.DeviceRow>("devices", params, version)

  const range = (preset: typeof page.range) => () => change({ range: preset, from: null, to: null })
  useKeys({
    d: range("today"),
    w: range("7d"),
    f: range("14d"),
    m: range("30d"),
    y: range("all"),
    t: nextTheme,
    "/": () => document.getElementById("state-filter")?.focus(),
    Escape: () => change({ state: null }),
    "?": () => setHelp(true)
  })

  const place = page.state === null ? "" : ` in ${stateName(page.state)}`
  const none = (rows: ReadonlyArray<unknown> | undefined) =>
    rows !== undefined && rows.length === 0
      ? `No plays${place} in this period. Choose a longer one, or another state.`
      : undefined
  const { firstHour, lastHour } = status.data ?? { firstHour: null, lastHour: null }
  const days =
    firstHour === null || lastHour === null ? undefined : ([isoDay(firstHour), isoDay(lastHour)] as const)
  const lastDay =
    activity.data === undefined ? 0 : Math.floor((timeOf(activity.data.period.to) - 1) / 864e5) * 864e5
  const open = activity.data?.rows.some((row) => row.open) === true

  return (
    <>
      <header class="top">
        <div class="topbar">
          <h1>
            <img src="/assets/icon.svg" alt="" width="24" height="24" />
            Musify
          </h1>
          <Controls page={page} change={change} days={days} />
          <LiveRate live={live} connected={connected} />
          <button type="button" class="plain icon" aria-label="Keys" onClick={() => setHelp(true)}>
            ?
          </button>
          <ThemeButton theme={theme} next={nextTheme} />
        </div>
      </header>
      <main>
        <div class="lines">
          <p class="period" aria-live="polite">
            <b>{periodText(summary.data)}</b>
            {place !== "" && ` ·${place}`} · all times are UTC
          </p>
          <Freshness status={status.data} live={live} connected={connected} />
        </div>
        {status.data !== undefined && status.data.version === null && (
          <p class="panel notice" role="status">
            {status.data.problem ?? "The first hours are being built. The charts appear here by themselves."}
          </p>
        )}
        <Tiles summary={summary} trend={trend} />
        <div class="grid">
          <Panel
            name="states"
            class="w7"
            text={{ ...charts.states, title: `${measureNames[page.map]} by state` }}
            note=""
            loaded={states}
            height={464}
            empty={none(states.data?.rows)}
            controls={
              <div class="segments small" role="group" aria-label="Measure of the map">
                {mapMeasures.map((measure) => (
                  <button
                    type="button"
                    key={measure}
                    aria-pressed={page.map === measure}
                    onClick={() => change({ map: measure })}
                  >
                    {measureNames[measure]}
                  </button>
                ))}
              </div>
            }
          >
            {({ rows }) => (
              <UsMap
                rows={rows}
                measure={page.map}
                chosen={page.state}
                onChoose={(state) => change({ state })}
              />
            )}
          </Panel>
          <div class="w5 stack">
            <Panel name="activity-by-hour" text={charts["activity-by-hour"]} loaded={activity} height={320}>
              {({ rows }) => (
                <>
                  <p class="keyline quiet">
                    <span class="key bar" /> {weekdayText(lastDay)}
                    {open && (
                      <>
                        <span class="key bar hatched" /> hour still filling
                      </>
                    )}
                    <span class="key line" /> {weekdayText(lastDay - 864e5)}
                  </p>
                  <ActivityChart rows={rows} day={lastDay} />
                </>
              )}
            </Panel>
            <Panel
              name="gender"
              text={charts.gender}
              loaded={gender}
              height={84}
              empty={none(gender.data?.rows.filter((row) => row.listeners > 0))}
            >
              {({ rows }) => <GenderBars rows={rows} />}
            </Panel>
          </div>
          <Panel
            name="top-songs"
            class="w6"
            text={charts["top-songs"]}
            note="songs by plays"
            loaded={songs}
            height={400}
            empty={none(songs.data?.rows)}
          >
            {({ rows }) => (
              <RankList
                caption="Songs by plays"
                rows={rows.map((row) => ({ ...row, name: row.title, detail: row.artist }))}
              />
            )}
          </Panel>
          <Panel
            name="top-artists"
            class="w6"
            text={charts["top-artists"]}
            note="by plays"
            loaded={artists}
            height={400}
            empty={none(artists.data?.rows)}
          >
            {({ rows }) => (
              <RankList caption="Artists by plays" rows={rows.map((row) => ({ ...row, name: row.artist }))} />
            )}
          </Panel>
          <Panel
            name="heatmap"
            class="w7"
            text={charts.heatmap}
            note="mean plays per hour"
            loaded={heatmap}
            height={232}
            empty={none(heatmap.data?.rows)}
          >
            {({ rows }) => <Heatmap rows={rows} />}
          </Panel>
          <Panel
            name="level-by-gender"
            class="w5"
            text={charts["level-by-gender"]}
            loaded={levels}
            height={232}
            empty={none(levels.data?.rows.filter((row) => row.listeners > 0))}
          >
            {({ rows }) => <LevelByGenderBars rows={rows} />}
          </Panel>
          <Panel
            name="active-users"
            class="w12"
            text={charts["active-users"]}
            note={page.state === null ? "distinct listeners" : "all states"}
            loaded={active}
            height={224}
            empty={active.data?.rows.length === 0 ? "No day of this period is built yet." : undefined}
          >
            {({ rows }) => <ActiveUsersChart rows={rows} />}
          </Panel>
          <Panel
            name="level-changes"
            class="w5"
            text={charts["level-changes"]}
            note={page.state === null ? "" : "all states"}
            loaded={changes}
            height={168}
            empty={
              changes.data?.rows.length === 0
                ? "Nobody changed level or cancelled in this period."
                : undefined
            }
          >
            {({ rows }) => <LevelChangeBars rows={rows} />}
          </Panel>
          <Panel
            name="retention"
            class="w7"
            text={charts.retention}
            note={page.state === null ? charts.retention.unit : `${charts.retention.unit}, all states`}
            loaded={retention}
            height={256}
            empty={
              retention.data?.rows.length === 0
                ? "No new listeners in the eight weeks up to this period's end."
                : undefined
            }
          >
            {({ rows }) => <RetentionTable rows={rows} />}
          </Panel>
          <Panel
            name="devices"
            class="w7"
            text={charts.devices}
            loaded={devices}
            height={168}
            empty={none(devices.data?.rows)}
          >
            {({ rows }) => <DeviceBars rows={rows} />}
          </Panel>
          <Panel
            name="skips"
            class="w5"
            text={charts.skips}
            loaded={skips}
            height={56}
            empty={none(skips.data?.rows)}
          >
            {({ rows }) => <SkipBars rows={rows} />}
          </Panel>
        </div>
      </main>
      <footer class="quiet">
        <span>Musify</span> <a href="/docs">API</a>
        <span>
          version <code>{status.data?.version ?? "–"}</code>
        </span>
      </footer>
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  )
}

render(<Page />, document.getElementById("page") as Element)
installTooltip()
