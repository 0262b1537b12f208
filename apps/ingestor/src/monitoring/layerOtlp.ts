import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { UserError } from "@musify/runtime/UserError.ts"
import { type Duration, Effect, Layer } from "effect"

/** Sends Effect's metrics to an OpenTelemetry collector, as JSON over HTTP, to ENDPOINT/v1/metrics. */
export const layerOtlp = (options: {
  readonly endpoint: string
  readonly every: Duration.DurationInput
  /** Name of this process among others, `service.instance.id`. */
  readonly instance: string
}): Layer.Layer<never, UserError> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const { endpoint, every, instance } = options
      if (!/^https?:\/\/[^/\s]+(\/\S*)?$/.test(endpoint))
        return yield* new UserError({
          message: `The OpenTelemetry collector is ${JSON.stringify(endpoint)} (--otlp-endpoint), but http://HOST:4318 was expected.`,
          exitCode: 2
        })
      return OtlpMetrics.layer({
        url: `${endpoint.replace(/\/+$/, "")}/v1/metrics`,
        resource: { serviceName: "musify-ingestor", attributes: { "service.instance.id": instance } },
        exportInterval: every
      }).pipe(Layer.provide(Layer.merge(OtlpSerialization.layerJson, FetchHttpClient.layer)))
    })
  )
