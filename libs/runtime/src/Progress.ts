import { Context, Effect, Layer } from "effect"
import process from "node:process"

/** How far a stage has come. */
export interface ProgressReport {
  readonly done: number
  /** All there is to do; without it no share and no time left are shown. */
  readonly total?: number
  /** What is counted: "events", "hours". */
  readonly unit: string
  /** How far in event time, epoch ms. */
  readonly at?: number
}

export interface ProgressService {
  /** Says how far a stage ("history", "ingest") is; shown at most some times a second. Cheap: call it per batch. */
  readonly report: (stage: string, report: ProgressReport) => Effect.Effect<void>
  /** Ends a stage: prints its last line for good. */
  readonly finish: (stage: string) => Effect.Effect<void>
  /** Prints a line of its own on the standard error, above the progress line. */
  readonly say: (line: string) => Effect.Effect<void>
}

const none: ProgressService = {
  report: () => Effect.void,
  finish: () => Effect.void,
  say: () => Effect.void
}

/** The progress line of the process; without a layer (tests, --json) it is silent. */
export class Progress extends Context.Reference<Progress>()("@musify/runtime/Progress", {
  defaultValue: (): ProgressService => none
}) {}

/** Where a progress line goes; the process's standard error, or a test. */
export interface ProgressSink {
  readonly inPlace: boolean
  readonly columns: () => number
  readonly write: (text: string) => void
  /** Real time in ms, from any origin: rates are per real second also when the pipeline's clock is scaled. */
  readonly now: () => number
}

interface Stage {
  report: ProgressReport
  readonly startedAt: number
  readonly startedWith: number
}

const inPlaceEveryMs = 200
const lineEveryMs = 5_000

const count = (value: number): string => {
  if (value >= 10_000_000) return `${(value / 1e6).toFixed(1)} M`
  if (value >= 10_000) return `${(value / 1e3).toFixed(0)} k`
  return String(Math.round(value))
}

const span = (seconds: number): string => {
  const whole = Math.ceil(seconds)
  if (whole >= 3600) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
  return whole >= 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole} s`
}

/** `history 1.2 M events, 310 k/s, at 2026-11-02 13:40, 45 %, 12 s left` */
export const progressText = (name: string, stage: Stage, now: number): string => {
  const { done, total, unit } = stage.report
  const seconds = (now - stage.startedAt) / 1000
  // From the stage's own start: what an earlier run had done says nothing about this one's rate.
  const rate = seconds > 0 ? (done - stage.startedWith) / seconds : 0
  let text = `${name} ${count(done)} ${unit}`
  if (rate > 0) text += `, ${rate < 10 ? rate.toFixed(1) : count(rate)}/s`
  if (stage.report.at !== undefined) {
    text += `, at ${new Date(stage.report.at).toISOString().slice(0, 16).replace("T", " ")}`
  }
  if (total !== undefined && total > 0) {
    text += `, ${Math.min(100, Math.floor((100 * done) / total))} %`
    if (rate > 0 && done < total) text += `, ${span((total - done) / rate)} left`
  }
  return text
}

/** Progress that writes to a sink. */
export const makeProgress = (sink: ProgressSink): ProgressService => {
  const stages = new Map<string, Stage>()
  let shownAt = Number.NEGATIVE_INFINITY
  let shown = false

  const clear = () => {
    if (shown) sink.write("\r\u001b[K")
    shown = false
  }
  const draw = (now: number) => {
    const text = [...stages].map(([name, stage]) => progressText(name, stage, now)).join(" · ")
    shownAt = now
    if (sink.inPlace) {
      sink.write(`\r\u001b[K${text.slice(0, Math.max(20, sink.columns() - 1))}`)
      shown = true
    } else sink.write(`${text}\n`)
  }

  return {
    report: (name, report) =>
      Effect.sync(() => {
        const now = sink.now()
        const stage = stages.get(name)
        if (stage === undefined) stages.set(name, { report, startedAt: now, startedWith: report.done })
        else stage.report = report
        // The first line waits too: a short stage is over before anyone could read it.
        if (stages.size === 1 && stage === undefined) shownAt = now
        if (now - shownAt >= (sink.inPlace ? inPlaceEveryMs : lineEveryMs)) draw(now)
      }),
    finish: (name) =>
      Effect.sync(() => {
        const stage = stages.get(name)
        if (stage === undefined) return
        clear()
        const now = sink.now()
        stages.delete(name)
        sink.write(`${progressText(name, stage, now)}, done in ${span((now - stage.startedAt) / 1000)}\n`)
      }),
    say: (line) =>
      Effect.sync(() => {
        clear()
        sink.write(`${line}\n`)
      })
  }
}

/** The progress line on the standard error: in place on a terminal, a line every 5 s elsewhere. */
export const layerProgress: Layer.Layer<Progress> = Layer.sync(Progress, () =>
  makeProgress({
    inPlace: process.stderr.isTTY === true,
    columns: () => process.stderr.columns ?? 80,
    write: (text) => void process.stderr.write(text),
    now: () => Number(process.hrtime.bigint() / 1_000_000n)
  })
)
