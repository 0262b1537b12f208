import type { MetricKey, MetricPair } from "effect"
import { MetricKeyType, MetricState, Option } from "effect"

/** Media type of the Prometheus text format. */
export const prometheusType = "text/plain; version=0.0.4; charset=utf-8"

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

const numberText = (value: number | bigint): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

const labelsOf = (tags: MetricKey.MetricKey.Untyped["tags"], more = ""): string => {
  const labels = tags.map(({ key, value }) => `${key.replace(/\W/g, "_")}="${escapeLabel(value)}"`)
  if (more !== "") labels.push(more)
  return labels.length === 0 ? "" : `{${labels.join(",")}}`
}

const kindOf = ({ keyType }: MetricKey.MetricKey.Untyped): "counter" | "gauge" | "histogram" | undefined =>
  MetricKeyType.isCounterKey(keyType)
    ? "counter"
    : MetricKeyType.isGaugeKey(keyType)
      ? "gauge"
      : MetricKeyType.isHistogramKey(keyType)
        ? "histogram"
        : undefined

const samplesOf = ({ metricKey: { name, tags }, metricState }: MetricPair.MetricPair.Untyped) => {
  if (MetricState.isCounterState(metricState))
    return [`${name}${labelsOf(tags)} ${numberText(metricState.count)}`]
  if (MetricState.isGaugeState(metricState))
    return [`${name}${labelsOf(tags)} ${numberText(metricState.value)}`]
  if (!MetricState.isHistogramState(metricState)) return []
  // The last bucket is that of Infinity: Effect's own ends at the greatest number.
  const buckets = metricState.buckets.filter(([bound]) => bound < Number.MAX_VALUE)
  return [
    ...buckets.map(
      ([bound, count]) => `${name}_bucket${labelsOf(tags, `le="${numberText(bound)}"`)} ${count}`
    ),
    `${name}_bucket${labelsOf(tags, 'le="+Inf"')} ${metricState.count}`,
    `${name}_sum${labelsOf(tags)} ${numberText(metricState.sum)}`,
    `${name}_count${labelsOf(tags)} ${metricState.count}`
  ]
}

/**
 * Effect's metrics in the text format that Prometheus reads: counters, gauges and histograms, those of one name
 * together, in the order of their names.
 */
export const prometheusText = (snapshot: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const byName = new Map<string, Array<MetricPair.MetricPair.Untyped>>()
  for (const pair of snapshot) {
    const { name } = pair.metricKey
    byName.set(name, [...(byName.get(name) ?? []), pair])
  }
  const lines: Array<string> = []
  for (const name of [...byName.keys()].sort()) {
    const pairs = byName.get(name)!
    const kind = kindOf(pairs[0].metricKey)
    if (kind === undefined) continue
    const description = Option.getOrElse(pairs[0].metricKey.description, () => "")
    if (description !== "") lines.push(`# HELP ${name} ${escapeHelp(description)}`)
    lines.push(`# TYPE ${name} ${kind}`)
    for (const pair of pairs) lines.push(...samplesOf(pair))
  }
  return `${lines.join("\n")}\n`
}
