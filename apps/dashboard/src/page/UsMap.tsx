import { geo } from "@observablehq/plot"
import { usStates } from "@musify/domain/usStates.ts"
import type { GeometryCollection, Topology } from "topojson-specification"
import { feature } from "topojson-client"
import { useEffect, useState } from "preact/hooks"
import type { StateRow } from "../api/answers.ts"
import { compact, exact } from "./format.ts"
import { eachMark, PlotFigure } from "./PlotFigure.tsx"
import type { MapMeasure } from "./urlState.ts"

const byCode = new Map(usStates.map((state) => [state.code, state]))
const byFips = new Map(usStates.map((state) => [state.fips, state]))

/** The name of a state code. */
export const stateName = (code: string | null): string =>
  code === null || code === "none" ? "No state" : (byCode.get(code)?.name ?? code)

export const valueOf = (row: StateRow, measure: MapMeasure): number =>
  measure === "listeners"
    ? row.listeners
    : measure === "plays"
      ? row.plays
      : row.plays / Math.max(1, row.listeners)

const classes = 5

/** Upper bounds of the quantile classes but the last; fewer when values repeat. */
export const quantileBounds = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const sorted = [...values].sort((a, b) => a - b)
  if (sorted.length === 0) return []
  const bounds = Array.from(
    { length: classes - 1 },
    (_, k) => sorted[Math.floor(((k + 1) * sorted.length) / classes)]
  )
  return bounds.filter((bound, index) => bound > sorted[0] && bounds.indexOf(bound) === index)
}

const classOf = (value: number, bounds: ReadonlyArray<number>): number =>
  bounds.filter((bound) => value >= bound).length

const numberText = (value: number, measure: MapMeasure): string =>
  measure === "plays-per-listener" ? value.toFixed(1) : compact(value)

/** Of `count` classes the k-th gets a step of the five-step ramp, the highest always the strongest. */
const shade = (k: number, count: number): string => `var(--q${classes - count + k})`

type Shapes = ReturnType<typeof readShapes>
const readShapes = (atlas: Topology) =>
  feature(atlas, atlas.objects.states as GeometryCollection<{ readonly name: string }>)

let shapesOnce: Promise<Shapes> | undefined
const useShapes = (): Shapes | undefined => {
  const [shapes, setShapes] = useState<Shapes>()
  useEffect(() => {
    shapesOnce ??= fetch("/assets/states.json").then(async (response) =>
      readShapes((await response.json()) as Topology)
    )
    shapesOnce.then(setShapes, () => undefined)
  }, [])
  return shapes
}

export interface UsMapProps {
  readonly rows: ReadonlyArray<StateRow>
  readonly measure: MapMeasure
  readonly chosen: string | null
  readonly onChoose: (state: string | null) => void
}

const tipOf = (name: string, row: StateRow | undefined): string =>
  row === undefined
    ? `${name}\nno plays in this period`
    : `${name}\n${exact(row.listeners)} listeners\n${exact(row.plays)} plays\n${(row.plays / Math.max(1, row.listeners)).toFixed(1)} plays per listener`

/** States by quantile class of a measure, with what has no shape on the map beside it. */
export const UsMap = ({ rows, measure, chosen, onChoose }: UsMapProps) => {
  const shapes = useShapes()
  const byState = new Map(rows.map((row) => [row.state, row]))
  const onMap = rows.filter((row) => byCode.get(row.state ?? "")?.onMap === true)
  const offMap = rows.filter((row) => byCode.get(row.state ?? "")?.onMap !== true)
  const bounds = quantileBounds(onMap.map((row) => valueOf(row, measure)))
  const top = Math.max(0, ...onMap.map((row) => valueOf(row, measure)))
  const least = Math.min(top, ...onMap.map((row) => valueOf(row, measure)))
  const edges = [least, ...bounds, top]
  const best = [...onMap].sort((a, b) => valueOf(b, measure) - valueOf(a, measure)).slice(0, 3)
  const label = `Map of the United States. Most: ${best
    .map((row) => `${stateName(row.state)} ${numberText(valueOf(row, measure), measure)}`)
    .join(", ")}. The table in the menu has all states.`
  const codeOf = (index: number) => byFips.get(String(shapes?.features[index].id))?.code
  const choose = (state: string) => onChoose(state === chosen ? null : state)
  return (
    <div class="map">
      <PlotFigure
        label={label}
        height={0}
        on={[shapes, rows, measure, chosen]}
        options={(width) => ({
          height: Math.round(width * 0.62),
          margin: 2,
          projection: {
            type: "identity",
            domain: {
              type: "MultiPoint",
              coordinates: [
                [30, 10],
                [945, 590]
              ]
            }
          },
          marks:
            shapes === undefined
              ? []
              : [
                  geo(shapes.features, {
                    fill: (shape: { readonly id: string }) => {
                      const row = byState.get(byFips.get(shape.id)?.code ?? "")
                      return row === undefined
                        ? "var(--track)"
                        : shade(classOf(valueOf(row, measure), bounds), bounds.length + 1)
                    },
                    stroke: "var(--panel)",
                    strokeWidth: 1
                  })
                ]
        })}
        dress={(svg) => {
          eachMark(svg, "geo", (mark, index) => {
            const code = codeOf(index)
            if (code === undefined) return
            mark.setAttribute("data-tip", tipOf(stateName(code), byState.get(code)))
            mark.setAttribute("data-state", code)
            mark.setAttribute(
              "class",
              chosen === null ? "state" : chosen === code ? "state chosen" : "state dimmed"
            )
            mark.addEventListener("click", () => choose(code))
          })
        }}
      />
      <div class="map-side">
        <ol class="legend" aria-label="Legend">
          {edges.slice(0, -1).map((edge, k) => (
            <li key={k}>
              <span class="swatch" style={{ background: shade(k, bounds.length + 1) }} />
              {numberText(edge, measure)} – {numberText(edges[k + 1], measure)}
            </li>
          ))}
        </ol>
        {offMap.length > 0 && (
          <div class="off-map">
            <h3>Not on the map</h3>
            <ul>
              {offMap.map((row) => (
                <li key={row.state ?? "none"}>
                  <button
                    type="button"
                    class="plain"
                    aria-pressed={(row.state ?? "none") === chosen}
                    data-tip={tipOf(stateName(row.state), row)}
                    onClick={() => choose(row.state ?? "none")}
                  >
                    <span>{stateName(row.state)}</span>
                    <span class="number">{numberText(valueOf(row, measure), measure)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </div>
  )
}
