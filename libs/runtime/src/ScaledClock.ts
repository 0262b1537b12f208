import { Clock, Duration, Effect, Layer } from "effect"

/** A sleep may always last longer than asked for; below this (real ms) a fast clock would only burn the processor. */
const shortestSleepMs = 5

/**
 * A clock that shows `from` (epoch ms; without it the real time) now and runs `speed` times as fast from then on;
 * sleeps are as much shorter, down to a few real milliseconds.
 */
export const makeScaledClock = (
  speed: number,
  base: Clock.Clock = Clock.make(),
  from: number = base.unsafeCurrentTimeMillis()
): Clock.Clock => {
  const baseMillis = base.unsafeCurrentTimeMillis()
  const baseNanos = base.unsafeCurrentTimeNanos()
  const ahead = BigInt(Math.round(from - baseMillis)) * 1_000_000n
  const nowMillis = () => from + Math.floor((base.unsafeCurrentTimeMillis() - baseMillis) * speed)
  const nowNanos = () =>
    baseNanos + ahead + BigInt(Math.round(Number(base.unsafeCurrentTimeNanos() - baseNanos) * speed))
  const sleep = (duration: Duration.Duration) => {
    const millis = Duration.toMillis(duration) / speed
    return base.sleep(Duration.millis(speed > 1 && millis > 0 ? Math.max(shortestSleepMs, millis) : millis))
  }
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: nowMillis,
    unsafeCurrentTimeNanos: nowNanos,
    currentTimeMillis: Effect.sync(nowMillis),
    currentTimeNanos: Effect.sync(nowNanos),
    sleep
  }
}

/**
 * The one clock of a process: `layerScaledClock(60)` makes an hour pass in a minute for everything that waits or asks
 * for the time, timeouts and retries included. It begins at `from` (epoch ms), or at the real time. Only the terminal
 * (progress, Ctrl-C) lives in real time.
 */
export const layerScaledClock = (speed: number, from?: number): Layer.Layer<never> =>
  speed === 1 && from === undefined
    ? Layer.empty
    : Layer.unwrapEffect(Effect.sync(() => Layer.setClock(makeScaledClock(speed, undefined, from))))
