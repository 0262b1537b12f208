import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { makeProgress, Progress } from "./Progress.ts"

const sink = (inPlace: boolean) => {
  const state = { time: 0, text: "" }
  const progress = makeProgress({
    inPlace,
    columns: () => 60,
    write: (text) => void (state.text += text),
    now: () => state.time
  })
  const at = (time: number, stage: string, done: number, total?: number) => {
    state.time = time
    Effect.runSync(
      progress.report(stage, total === undefined ? { done, unit: "events" } : { done, total, unit: "events" })
    )
  }
  return { state, progress, at }
}

describe("progress", () => {
  it("is a line every 5 s where no terminal is: rate, share, time left", () => {
    const { at, progress, state } = sink(false)
    for (let time = 0; time <= 10_000; time += 100) at(time, "history", 1_000_000 + time * 100, 4_000_000)
    expect(state.text.split("\n").slice(0, -1)).toEqual([
      "history 1500 k events, 100 k/s, 37 %, 25 s left",
      "history 2000 k events, 100 k/s, 50 %, 20 s left"
    ])
    Effect.runSync(progress.finish("history"))
    expect(state.text).toMatch(/history 2000 k events, 100 k\/s, 50 %, 20 s left, done in 10 s\n$/)
  })

  it("is drawn in place on a terminal, at most five times a second, and never wider than that", () => {
    const { at, progress, state } = sink(true)
    for (let time = 0; time <= 2_000; time += 10) {
      at(time, "history", time)
      at(time, "ingest", time / 2)
    }
    const drawn = state.text.split("\r\u001b[K").slice(1)
    expect(drawn.length).toBeGreaterThan(5)
    expect(drawn.length).toBeLessThanOrEqual(11)
    for (const line of drawn) expect(line.length).toBeLessThan(60)
    expect(drawn.at(-1)).toContain("history")
    expect(drawn.at(-1)).toContain(" · ingest")
    state.text = ""
    Effect.runSync(progress.say("hello"))
    expect(state.text).toBe("\r\u001b[Khello\n")
  })

  it("is silent without a layer", () => {
    Effect.runSync(Effect.flatMap(Progress, (progress) => progress.report("x", { done: 1, unit: "y" })))
  })
})
