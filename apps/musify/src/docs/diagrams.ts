import { Graph, layout } from "@dagrejs/dagre"
import type { StarSchema, TableDescription } from "./describeModels.ts"

interface Point {
  readonly x: number
  readonly y: number
}

interface Box {
  readonly name: string
  readonly kind: string
  readonly title: string
  /** Below the name, with a weight: keys stand out. */
  readonly lines: ReadonlyArray<{ readonly text: string; readonly strong: boolean }>
}

const lineHeight = 14
const headHeight = 22
const textWidth = (text: string): number => Math.ceil(text.length * 6.6)

/** Colours by kind, readable under black text. */
const colours: Readonly<Record<string, string>> = {
  source: "#eef0f2",
  stage: "#f7f5df",
  fact: "#fdf0e2",
  fold: "#fbeaea",
  dimension: "#e8f1fb",
  scd2: "#e8f1fb",
  mart: "#e9f6ec",
  view: "#f6eaf6"
}

/** Names and texts come from declarations, which may say < or &. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

const round = (n: number): string => String(Math.round(n * 10) / 10)

/** A curve through the points of an edge: a quadratic Bézier at each bend. */
const curve = (points: ReadonlyArray<Point>): string => {
  const at = ({ x, y }: Point) => `${round(x)},${round(y)}`
  let path = `M${at(points[0])}`
  for (let n = 1; n < points.length - 1; n++) {
    const [here, next] = [points[n], points[n + 1]]
    const end = n === points.length - 2 ? next : { x: (here.x + next.x) / 2, y: (here.y + next.y) / 2 }
    path += ` Q${at(here)} ${at(end)}`
  }
  return path
}

const widthOf = ({ lines, name }: Box): number =>
  Math.ceil(Math.max(textWidth(name) * 1.1, ...lines.map(({ text }) => textWidth(text))) + 20)
const heightOf = ({ lines }: Box): number =>
  headHeight + lines.length * lineHeight + (lines.length > 0 ? 6 : 0)

const arrowSvg = (path: string, about: string): string =>
  `<path class="arrow" d="${path}"><title>${escaped(about)}</title></path>`

/** A box at its upper left corner. It leads to its table in the page around it. */
const boxSvg = (box: Box, { x, y }: Point): string =>
  [
    `<a href="#${box.name}"><title>${escaped(box.title)}</title>`,
    `<rect x="${round(x)}" y="${round(y)}" width="${widthOf(box)}" height="${heightOf(box)}" rx="4" fill="${colours[box.kind]}" stroke="#345"/>`,
    `<text x="${round(x + 10)}" y="${round(y + 15)}" font-weight="bold">${escaped(box.name)}</text>`,
    ...box.lines.map(
      ({ strong, text }, n) =>
        `<text x="${round(x + 10)}" y="${round(y + headHeight + lineHeight * (n + 0.7))}"${strong ? ` font-weight="600"` : ` fill="#445"`}>${escaped(text)}</text>`
    ),
    `</a>`
  ].join("\n")

const svgDocument = (title: string, width: number, height: number, parts: ReadonlyArray<string>): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" font-family="ui-monospace, monospace" font-size="11" role="img" aria-label="${escaped(title)}">`,
    `<style>.arrow{fill:none;stroke:#345;stroke-opacity:.45;marker-end:url(#arrow)}.arrow:hover{stroke-opacity:1;stroke-width:2}</style>`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#345"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...parts,
    `</svg>`,
    ""
  ].join("\n")

const about = ({ description, grain, kind }: TableDescription): string => `${description} ${kind}: ${grain}`

const margin = 12
/** Between the columns of the star: room for the arrows. */
const gutter = 140

/** Boxes one above the other, from `x` on, around the middle of `height`. */
const stack = (boxes: ReadonlyArray<Box>, x: number, height: number): ReadonlyMap<string, Point> => {
  const gap = 24
  const total = boxes.reduce((sum, box) => sum + heightOf(box) + gap, -gap)
  const places = new Map<string, Point>()
  let y = (height - total) / 2
  for (const box of boxes) {
    places.set(box.name, { x, y })
    y += heightOf(box) + gap
  }
  return places
}

const columnWidth = (boxes: ReadonlyArray<Box>): number => Math.max(0, ...boxes.map(widthOf))
const columnHeight = (boxes: ReadonlyArray<Box>): number =>
  boxes.reduce((sum, box) => sum + heightOf(box) + 24, 0)

const starBox = (table: TableDescription): Box => ({
  name: table.name,
  kind: table.kind,
  title: about(table),
  lines: table.columns.map(({ key, name, nullable, references, type }) => ({
    text: `${name} ${type}${nullable ? "?" : ""}`,
    strong: key || references !== null
  }))
})

/**
 * Facts in the middle, the dimensions that their keys name on both sides, all with their columns, keys in bold. An arrow
 * leads from a key's row to the key of the dimension.
 */
export const starDiagram = ({ tables }: StarSchema): string => {
  const named = new Set(
    tables.flatMap(({ columns }) => columns.flatMap(({ references }) => references ?? []))
  )
  const dimensions = tables.filter(({ name }) => named.has(name))
  const facts = tables.filter(
    ({ columns, name }) => !named.has(name) && columns.some(({ references }) => references !== null)
  )
  const half = Math.ceil(dimensions.length / 2)
  const sides = [dimensions.slice(0, half), facts, dimensions.slice(half)].map((some) => some.map(starBox))
  const [left, middle, right] = sides
  const height = Math.max(...sides.map(columnHeight)) + margin
  const middleX = margin + columnWidth(left) + gutter
  const rightX = middleX + columnWidth(middle) + gutter
  const places = new Map([
    ...stack(left, margin, height),
    ...stack(middle, middleX, height),
    ...stack(right, rightX, height)
  ])
  const boxes = new Map(sides.flat().map((box) => [box.name, box]))
  /** The middle of a column's row, at the left or the right edge of its box. */
  const rowAt = (table: TableDescription, column: string, side: "left" | "right"): Point => {
    const { x, y } = places.get(table.name)!
    const row = table.columns.findIndex(({ name }) => name === column)
    return {
      x: side === "left" ? x : x + widthOf(boxes.get(table.name)!),
      y: y + headHeight + lineHeight * (row + 0.4)
    }
  }
  const arrows = [...facts, ...dimensions].flatMap((table) =>
    table.columns.flatMap(({ name, references }) => {
      const dimension = tables.find((one) => one.name === references)
      if (dimension === undefined) return []
      const [from, to] = [places.get(table.name)!, places.get(dimension.name)!]
      const isNeighbour = from.x !== to.x
      const start = rowAt(table, name, to.x < from.x ? "left" : "right")
      const end = rowAt(dimension, name, to.x < from.x || !isNeighbour ? "right" : "left")
      // Within a column the arrow goes around, at its right.
      const bend = isNeighbour ? (end.x - start.x) / 2 : 60
      const path = `M${round(start.x)},${round(start.y)} C${round(start.x + bend)},${round(start.y)} ${round(isNeighbour ? end.x - bend : end.x + bend)},${round(end.y)} ${round(end.x)},${round(end.y)}`
      return arrowSvg(path, `${table.name}.${name} → ${dimension.name}`)
    })
  )
  return svgDocument(
    "The star schema: facts and their dimensions",
    rightX + columnWidth(right) + 60,
    height,
    [...[...boxes.values()].map((box) => boxSvg(box, places.get(box.name)!)), ...arrows]
  )
}

/** What each table is made from, from the lake to the marts. An arrow between tables that follows from others is left out. */
export const lineageDiagram = ({ sources, tables }: StarSchema): string => {
  const given = new Set(sources.map(({ name }) => name))
  const reaches = new Map<string, ReadonlySet<string>>()
  const graph = new Graph()
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 90, edgesep: 8, marginx: margin, marginy: margin })
  const boxes: ReadonlyArray<Box> = [
    ...sources.map(({ description, name }) => ({ name, kind: "source", title: description, lines: [] })),
    ...tables.map((table) => ({ name: table.name, kind: table.kind, title: about(table), lines: [] }))
  ]
  for (const box of boxes) graph.setNode(box.name, { width: widthOf(box), height: heightOf(box) })
  // Tables come in the order of a build, so what they are made from is known before them.
  for (const { madeFrom, name } of tables) {
    reaches.set(name, new Set(madeFrom.flatMap((one) => [one, ...(reaches.get(one) ?? [])])))
    for (const one of madeFrom)
      if (given.has(one) || !madeFrom.some((other) => reaches.get(other)?.has(one) === true))
        graph.setEdge(one, name, {})
  }
  layout(graph)
  const { height = 0, width = 0 } = graph.graph()
  return svgDocument("Lineage: what each table is made from", width, height, [
    ...(graph.edges() as ReadonlyArray<{ readonly v: string; readonly w: string }>).map((edge) => {
      const { points } = graph.edge(edge) as { readonly points: ReadonlyArray<Point> }
      return arrowSvg(curve(points), `${edge.v} → ${edge.w}`)
    }),
    ...boxes.map((box) => {
      const { x = 0, y = 0 } = graph.node(box.name)
      return boxSvg(box, { x: x - widthOf(box) / 2, y: y - heightOf(box) / 2 })
    })
  ])
}
