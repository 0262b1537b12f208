import { Graph, layout } from "@dagrejs/dagre"
import { type EventsimConfig, type State, stateKey } from "../EventsimConfig.ts"

interface Point {
  readonly x: number
  readonly y: number
}

const fontSize = 12
const small = 9
const lineHeight = 15
const textWidth = (text: string, size = fontSize): number => Math.ceil(text.length * size * 0.6)

/** XML has no control characters. */
const escaped = (text: string): string =>
  text.replace(/[&<>"']|\p{Cc}/gu, (c) => (c < " " ? "\uFFFD" : `&#${c.charCodeAt(0)};`))

/** 0.8600 as 86 %, in as few digits as tell it apart from nothing. */
const percent = (p: number): string => `${Number((p * 100).toPrecision(p < 0.1 ? 2 : 3))}%`

const round = (n: number): string => String(Math.round(n * 10) / 10)

/** A curve through the points of an edge: straight at both ends, a quadratic Bézier at each bend. */
const curve = (points: ReadonlyArray<Point>): string => {
  const at = ({ x, y }: Point) => `${round(x)},${round(y)}`
  const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })
  let path = `M${at(points[0])}`
  for (let n = 1; n < points.length - 1; n++) {
    const end = n === points.length - 2 ? points[n + 1] : middle(points[n], points[n + 1])
    path += ` Q${at(points[n])} ${at(end)}`
  }
  return points.length === 2 ? `${path} L${at(points[1])}` : path
}

/** The likelier, the stronger. */
const stroke = (p: number): string =>
  `fill="none" stroke="#345" stroke-width="${round(0.7 + 2.3 * p)}" stroke-opacity="${round(Math.min(1, 0.35 + p))}" marker-end="url(#arrow)"`

const label = (x: number, y: number, p: number): string =>
  `<text x="${round(x)}" y="${round(y)}" font-size="${small}" text-anchor="middle" class="p">${percent(p)}</text>`

const classText = ({ auth, level }: { readonly auth: string; readonly level: string }): string =>
  `${auth}, ${level}`

/** Colours of the groups, readable under black text. */
const colours = ["#e8f1fb", "#fdf0e2", "#e9f6ec", "#f6eaf6", "#fbeaea", "#eef0f2", "#f7f5df", "#e4f4f4"]

/**
 * The state graph of a config as an SVG document: a box per state, grouped by auth and level; arrows with their
 * probability, the likelier the stronger; what is missing to 100 % ends the session and stands in the box. States
 * where sessions begin have a thick border. Hovering names an arrow's ends.
 */
export const stateGraph = (config: EventsimConfig): string => {
  const graph = new Graph({ compound: true, multigraph: false })
  graph.setGraph({ rankdir: "LR", nodesep: 24, ranksep: 44, edgesep: 6, marginx: 20, marginy: 20 })

  const states = new Map<string, State>()
  const ways = new Map<string, Map<string, number>>()
  for (const { dest, p, source } of config.transitions) {
    for (const state of [source, dest]) states.set(stateKey(state), state)
    const from = ways.get(stateKey(source)) ?? new Map<string, number>()
    ways.set(stateKey(source), from.set(stateKey(dest), p))
  }
  const begins = new Set(config["new-session"].filter((s) => s.weight > 0).map(stateKey))

  const groups: Array<string> = []
  const labels = new Map<string, ReadonlyArray<string>>()
  for (const [key, state] of states) {
    const group = classText(state)
    if (!groups.includes(group)) {
      groups.push(group)
      graph.setNode(`group ${group}`, {})
    }
    const out = [...(ways.get(key)?.values() ?? [])].reduce((a, b) => a + b, 0)
    const lines = [
      state.page,
      `${state.method} ${state.status}`,
      ...(out > 1 - 1e-9 ? [] : [`ends ${percent(Math.max(0, 1 - out))}`])
    ]
    labels.set(key, lines)
    const width =
      Math.max(textWidth(lines[0]), ...lines.slice(1).map((line) => textWidth(line, small + 1))) + 16
    graph.setNode(key, { width, height: lines.length * lineHeight + 8 })
    graph.setParent(key, `group ${group}`)
  }
  for (const [source, dests] of ways) {
    for (const [dest, p] of dests) {
      // A way back to the same state is a loop on top of its box.
      if (p === 0 || source === dest) continue
      graph.setEdge(source, dest, {
        width: textWidth(percent(p), small),
        height: small + 2,
        labelpos: "c",
        weight: Math.max(1, Math.round(p * 10))
      })
    }
  }
  layout(graph)

  const { height = 0, width = 0 } = graph.graph()
  const parts: Array<string> = []
  for (const [n, group] of groups.entries()) {
    const box = graph.node(`group ${group}`)
    const [left, top] = [box.x! - box.width! / 2, box.y! - box.height! / 2]
    parts.push(
      `<rect x="${round(left)}" y="${round(top)}" width="${round(box.width!)}" height="${round(box.height!)}" rx="8" fill="${colours[n % colours.length]}"/>`,
      `<text x="${round(left + 8)}" y="${round(top + 16)}" font-weight="bold">${escaped(group)}</text>`
    )
  }
  const edgeLabels: Array<string> = []
  for (const edge of graph.edges()) {
    const {
      points = [],
      x = 0,
      y = 0
    } = graph.edge(edge) as {
      points?: ReadonlyArray<Point>
      x?: number
      y?: number
    }
    const p = ways.get(edge.v)!.get(edge.w)!
    const [from, to] = [states.get(edge.v)!, states.get(edge.w)!]
    const title = `${from.page} (${classText(from)}) → ${to.page} (${classText(to)}): ${percent(p)}`
    parts.push(`<path d="${curve(points)}" ${stroke(p)}><title>${escaped(title)}</title></path>`)
    edgeLabels.push(label(x, y + 3, p))
  }
  for (const [key, state] of states) {
    const box = graph.node(key)
    const [left, top] = [box.x! - box.width! / 2, box.y! - box.height! / 2]
    const border = begins.has(key) ? 2.5 : 1
    parts.push(
      `<rect x="${round(left)}" y="${round(top)}" width="${box.width}" height="${box.height}" rx="4" fill="#fff" stroke="#234" stroke-width="${border}"/>`
    )
    const again = ways.get(key)?.get(key) ?? 0
    if (again > 0) {
      const right = left + box.width!
      parts.push(
        `<path d="M${round(right - 22)},${round(top)} C${round(right - 22)},${round(top - 22)} ${round(right - 2)},${round(top - 22)} ${round(right - 6)},${round(top)}" ${stroke(again)}><title>${escaped(`${state.page} (${classText(state)}) again: ${percent(again)}`)}</title></path>`
      )
      edgeLabels.push(label(right - 12, top - 17, again))
    }
    for (const [n, line] of labels.get(key)!.entries()) {
      parts.push(
        `<text x="${round(box.x!)}" y="${round(top + lineHeight * (n + 1))}" text-anchor="middle"${n === 0 ? "" : ` font-size="${small + 1}" fill="#555"`}>${escaped(line)}</text>`
      )
    }
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" font-family="sans-serif" font-size="${fontSize}" role="img">`,
    `<title>States and transitions</title>`,
    `<style>.p{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round;fill:#123}</style>`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#345"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...parts,
    ...edgeLabels,
    `</svg>`,
    ""
  ].join("\n")
}
