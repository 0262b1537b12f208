import { Effect, Metric, MetricBoundaries } from "effect"
import { expect, it } from "vitest"
import { prometheusText } from "./prometheusText.ts"

it("writes counters, gauges and histograms with their labels, those of one name together", async () => {
  const counter = Metric.counter("text_total", { description: "Line one\nline \\ two", incremental: true })
  const tagged = counter.pipe(
    Metric.tagged("topic", 'a "quoted" \\ one\nmore'),
    Metric.tagged("the.key", "x")
  )
  const gauge = Metric.gauge("text_gauge")
  const histogram = Metric.histogram("text_seconds", MetricBoundaries.fromIterable([0.5, 1, 5]))
  const snapshot = await Effect.runPromise(
    Effect.gen(function* () {
      yield* Metric.incrementBy(counter, 2)
      yield* Metric.incrementBy(tagged, 3)
      yield* Metric.set(gauge, Number.POSITIVE_INFINITY)
      for (const value of [0.1, 0.7, 0.7, 30]) yield* Metric.update(histogram, value)
      return yield* Metric.snapshot
    })
  )
  const own = snapshot.filter(({ metricKey }) => metricKey.name.startsWith("text_"))
  expect(prometheusText(own)).toBe(
    [
      "# TYPE text_gauge gauge",
      "text_gauge +Inf",
      "# TYPE text_seconds histogram",
      'text_seconds_bucket{le="0.5"} 1',
      'text_seconds_bucket{le="1"} 3',
      'text_seconds_bucket{le="5"} 3',
      'text_seconds_bucket{le="+Inf"} 4',
      "text_seconds_sum 31.5",
      "text_seconds_count 4",
      "# HELP text_total Line one\\nline \\\\ two",
      "# TYPE text_total counter",
      "text_total 2",
      'text_total{topic="a \\"quoted\\" \\\\ one\\nmore",the_key="x"} 3',
      ""
    ].join("\n")
  )
})
