import { Effect, Metric, MetricBoundaries } from "effect"
import { expect, it } from "vitest"
import { prometheusText } from "./prometheusText.ts"

it("writes counters, gauges and histograms with their labels, those of one name together", async () => {
  const counter = Metric.counter("test_total", { description: "Line one\nline \\ two", incremental: true })
  const tagged = counter.pipe(
    Metric.tagged("topic", 'a "quoted" \\ one\nmore'),
    Metric.tagged("the.key", "x")
  )
  const gauge = Metric.gauge("test_gauge")
  const histogram = Metric.histogram("test_seconds", MetricBoundaries.fromIterable([0.5, 1, 5]))
  const snapshot = await Effect.runPromise(
    Effect.gen(function* () {
      yield* Metric.incrementBy(counter, 2)
      yield* Metric.incrementBy(tagged, 3)
      yield* Metric.set(gauge, Number.POSITIVE_INFINITY)
      for (const value of [0.1, 0.7, 0.7, 30]) yield* Metric.update(histogram, value)
      return yield* Metric.snapshot
    })
  )
  const own = snapshot.filter(({ metricKey }) => metricKey.name.startsWith("test_"))
  expect(prometheusText(own)).toBe(
    [
      "# TYPE test_gauge gauge",
      "test_gauge +Inf",
      "# TYPE test_seconds histogram",
      'test_seconds_bucket{le="0.5"} 1',
      'test_seconds_bucket{le="1"} 3',
      'test_seconds_bucket{le="5"} 3',
      'test_seconds_bucket{le="+Inf"} 4',
      "test_seconds_sum 31.5",
      "test_seconds_count 4",
      "# HELP test_total Line one\\nline \\\\ two",
      "# TYPE test_total counter",
      "test_total 2",
      'test_total{topic="a \\"quoted\\" \\\\ one\\nmore",the_key="x"} 3',
      ""
    ].join("\n")
  )
})
