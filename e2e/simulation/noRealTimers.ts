/**
 * Takes the machine's timers away: what asks for one in a simulation would run outside of its order. Effect.never holds
 * its process awake by an interval; here it needs none, and a killed writer would never give it back.
 */
export const takeRealTimersAway = (): void => {
  const refuse = () => {
    throw new Error("A simulation has no real timers: time comes from Effect's Clock.")
  }
  Object.assign(globalThis, { setTimeout: refuse, setImmediate: refuse, setInterval: () => 0 })
}
