import { Clock, Duration, Effect, Layer } from "effect"

/** A clock that shows the real time now and runs `speed` times as fast from then on; sleeps are as much shorter. */
export const makeScaledClock = (speed: number, base: Clock.Clock = Clock.make()): Clock.Clock => {
  const originMillis = base.unsafeCurrentTimeMillis()
  const originNanos = base.unsafeCurrentTimeNanos()
  const nowMillis = () => originMillis + Math.floor((base.unsafeCurrentTimeMillis() - originMillis) * speed)
  const nowNanos = () =>
    originNanos + BigInt(Math.round(Number(base.unsafeCurrentTimeNanos() - originNanos) * speed))
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: nowMillis,
    unsafeCurrentTimeNanos: nowNanos,
    currentTimeMillis: Effect.sync(nowMillis),
    currentTimeNanos: Effect.sync(nowNanos),
    sleep: (duration) => base.sleep(Duration.times(duration, 1 / speed))
  }
}

/**
 * The one clock of a process: `layerScaledClock(60)` makes an hour pass in a minute for everything that waits or asks
 * for the time, timeouts and retries included. Only the terminal (progress, Ctrl-C) lives in real time.
 */
export const layerScaledClock = (speed: number): Layer.Layer<never> =>
  speed === 1 ? Layer.empty : Layer.unwrapEffect(Effect.sync(() => Layer.setClock(makeScaledClock(speed))))
