import type { ComponentChildren } from "preact"
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks"
import type { Answer } from "../api/answers.ts"
import type { ChartText } from "../charts.ts"
import type { Loaded } from "./useAnswer.ts"

const cellText = (value: unknown): string => (value === null || value === undefined ? "" : String(value))

/** RFC 4180, with a header; a text that a spreadsheet would run as a formula gets a leading quote mark. */
export const toCsv = (rows: ReadonlyArray<object>): string => {
  const names = Object.keys(rows[0] ?? {})
  const line = (cells: ReadonlyArray<unknown>) =>
    cells
      .map((value) => {
        const text = cellText(value)
        const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
        return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
      })
      .join(",")
  return [names, ...rows.map((row) => Object.values(row))].map(line).join("\r\n") + "\r\n"
}

const saveCsv = (name: string, rows: ReadonlyArray<object>): void => {
  const url = URL.createObjectURL(new Blob([toCsv(rows)], { type: "text/csv" }))
  const link = document.createElement("a")
  link.href = url
  link.download = `${name}.csv`
  link.click()
  URL.revokeObjectURL(url)
}

const Table = ({ rows, caption }: { readonly rows: ReadonlyArray<object>; readonly caption: string }) => {
  const names = Object.keys(rows[0] ?? {})
  return (
    <table>
      <caption class="quiet">{caption}</caption>
      <thead>
        <tr>
          {names.map((name) => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index}>
            {Object.values(row).map((value, column) => (
              <td key={column} class={typeof value === "number" ? "number" : ""}>
                {typeof value === "number" ? value.toLocaleString("en-US") : cellText(value)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface SheetProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A modal sheet: Esc, the button or a click beside it closes it. */
export const Sheet = ({ title, onClose, children }: SheetProps) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="sheet-body">
        <header>
          <h2>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={() => dialog.current?.close()}>
            ×
          </button>
        </header>
        <div class="sheet-content" tabIndex={0}>
          {children}
        </div>
      </div>
    </dialog>
  )
}

interface MenuProps {
  readonly name: string
  readonly text: ChartText
  readonly answer: Answer<object> | undefined
}

const Menu = ({ name, text, answer }: MenuProps) => {
  const details = useRef<HTMLDetailsElement>(null)
  const [sheet, setSheet] = useState<"table" | "sql">()
  const close = () => details.current?.removeAttribute("open")
  useEffect(() => {
    const outside = (event: Event) => {
      if (!details.current?.contains(event.target as Node)) close()
    }
    addEventListener("pointerdown", outside)
    return () => removeEventListener("pointerdown", outside)
  }, [])
  const choose = (what: "table" | "sql" | "csv") => () => {
    close()
    if (what !== "csv") setSheet(what)
    else if (answer !== undefined) saveCsv(`musify-${name}`, answer.rows)
  }
  const caption =
    answer === undefined ? "" : `${answer.period.from} to ${answer.period.to}, version ${answer.version}`
  return (
    <>
      <details
        class="menu"
        ref={details}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !details.current?.open) return
          event.stopPropagation()
          close()
          details.current.querySelector("summary")?.focus()
        }}
      >
        <summary aria-label={`${text.title}: definition, table, SQL, CSV`}>⋯</summary>
        <div class="menu-body">
          <p>{text.definition}</p>
          <button type="button" disabled={answer === undefined} onClick={choose("table")}>
            Table
          </button>
          <button type="button" disabled={answer === undefined} onClick={choose("sql")}>
            SQL
          </button>
          <button type="button" disabled={answer === undefined} onClick={choose("csv")}>
            CSV
          </button>
        </div>
      </details>
      {sheet !== undefined && answer !== undefined && (
        <Sheet title={text.title} onClose={() => setSheet(undefined)}>
          {sheet === "table" ? <Table rows={answer.rows} caption={caption} /> : <pre>{answer.sql}</pre>}
        </Sheet>
      )}
    </>
  )
}

export interface PanelProps<R> {
  readonly name: string
  readonly text: ChartText
  /** Beside the title: what exactly is shown. */
  readonly note?: string
  readonly loaded: Loaded<Answer<R>>
  /** Height of the skeleton, px. */
  readonly height: number
  /** What to say when there is nothing; undefined when there is something. */
  readonly empty?: string | undefined
  readonly controls?: ComponentChildren
  readonly class?: string
  readonly children: (answer: Answer<R>) => ComponentChildren
}

/** The frame of a chart: title, menu, and its loading, empty and error states, all of the same size. */
export const Panel = <R extends object>(props: PanelProps<R>) => {
  const { name, text, note, loaded, height, empty, controls, children } = props
  const { data, error, stale } = loaded
  const id = `panel-${name}`
  return (
    <section class={`panel ${props.class ?? ""}`} aria-labelledby={id} data-chart={name} aria-busy={stale}>
      <header class="panel-head">
        <h2 id={id}>{text.title}</h2>
        <span class="quiet">{note ?? text.unit}</span>
        {controls}
        <Menu name={name} text={text} answer={data} />
      </header>
      <div
        class={`panel-body ${stale && data !== undefined ? "fading" : ""}`}
        style={{ "--height": `${height}px` }}
      >
        {error !== undefined && data === undefined ? (
          <p class="message">{error}</p>
        ) : data === undefined ? (
          <div class="skeleton" style={{ height: `${height}px` }} />
        ) : empty !== undefined ? (
          <p class="message">{empty}</p>
        ) : (
          children(data)
        )}
      </div>
    </section>
  )
}
