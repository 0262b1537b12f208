import { it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { describe, expect } from "vitest"
import type { ObjectStoreService } from "./ObjectStore.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const names = (entries: ReadonlyArray<{ readonly name: string }>): ReadonlyArray<string> =>
  entries.map((entry) => entry.name)

/** What every bucket must do. `make` gives a new, empty one. */
export const objectStoreContract = (
  adapter: string,
  make: Effect.Effect<ObjectStoreService, unknown>
): void => {
  describe(`ObjectStore: ${adapter}`, () => {
    it.effect("stores an object once and never changes it", () =>
      Effect.gen(function* () {
        const store = yield* make
        expect(yield* store.putIfAbsent("a/b/c.txt", bytes("first"))).toBe("created")
        expect(yield* store.putIfAbsent("a/b/c.txt", bytes("second"))).toBe("exists")
        expect(Option.map(yield* store.get("a/b/c.txt"), (found) => [...found])).toEqual(
          Option.some([...bytes("first")])
        )
      })
    )

    it.effect("keeps metadata with the object, unless it keeps none at all", () =>
      Effect.gen(function* () {
        const store = yield* make
        const given = { musify: '{"topic":"listen_events","rows":3}', other: "é" }
        yield* store.putIfAbsent("with", bytes("1"), given)
        yield* store.putIfAbsent("with", bytes("2"), { musify: "of a put that came too late" })
        yield* store.putIfAbsent("without", bytes("3"))
        const kept = Option.getOrThrow(yield* store.metadata("with"))
        expect([{}, given]).toContainEqual(kept)
        expect(Option.getOrThrow(yield* store.metadata("without"))).toEqual({})
        expect(Option.isNone(yield* store.metadata("nowhere"))).toBe(true)
        yield* store.remove("with")
        expect(Option.isNone(yield* store.metadata("with"))).toBe(true)
      })
    )

    it.effect("stores empty objects, and bytes that are changed after the put", () =>
      Effect.gen(function* () {
        const store = yield* make
        const given = bytes("abc")
        yield* store.putIfAbsent("empty", new Uint8Array(0))
        yield* store.putIfAbsent("given", given)
        given[0] = 0
        expect((yield* store.get("empty")).pipe(Option.getOrThrow).length).toBe(0)
        expect([...Option.getOrThrow(yield* store.get("given"))]).toEqual([...bytes("abc")])
      })
    )

    it.effect("lets exactly one of many puts of a name create it", () =>
      Effect.gen(function* () {
        const store = yield* make
        const answers = yield* Effect.all(
          Array.from({ length: 20 }, (_, i) => store.putIfAbsent("race/x", bytes(String(i)))),
          { concurrency: "unbounded" }
        )
        const winner = answers.indexOf("created")
        expect(answers.filter((answer) => answer === "created").length).toBe(1)
        expect([...Option.getOrThrow(yield* store.get("race/x"))]).toEqual([...bytes(String(winner))])
      })
    )

    it.effect("answers nothing for names that are not there, folders included", () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* store.putIfAbsent("folder/object", bytes("x"))
        expect(Option.isNone(yield* store.get("folder/other"))).toBe(true)
        expect(Option.isNone(yield* store.get("nowhere/at/all"))).toBe(true)
        expect(Option.isNone(yield* store.get("folder"))).toBe(true)
        expect(Option.isNone(yield* store.metadata("folder"))).toBe(true)
        expect(yield* store.list("nowhere/")).toEqual([])
        yield* store.remove("nowhere/at/all")
      })
    )

    it.effect("removes an object, whose name is then free", () =>
      Effect.gen(function* () {
        const store = yield* make
        yield* store.putIfAbsent("a/x", bytes("1"))
        yield* store.remove("a/x")
        expect(Option.isNone(yield* store.get("a/x"))).toBe(true)
        expect(yield* store.putIfAbsent("a/x", bytes("2"))).toBe("created")
      })
    )

    it.effect("lists by prefix in byte order from a name on, at most so many", () =>
      Effect.gen(function* () {
        const store = yield* make
        const all = ["a-b/1", "a.b", "a/10", "a/2", "a/2.x/y", "a/20", "a0", "ab/é", "ab/z", "b/c/d/e"]
        for (const name of [...all].reverse()) yield* store.putIfAbsent(name, bytes(name))
        expect(names(yield* store.list(""))).toEqual([
          "a-b/1",
          "a.b",
          "a/10",
          "a/2",
          "a/2.x/y",
          "a/20",
          "a0",
          "ab/z",
          "ab/é",
          "b/c/d/e"
        ])
        expect(names(yield* store.list("a/2"))).toEqual(["a/2", "a/2.x/y", "a/20"])
        expect(names(yield* store.list("a/", { startAt: "a/2" }))).toEqual(["a/2", "a/2.x/y", "a/20"])
        expect(names(yield* store.list("a/", { startAt: "a/2\u0000", limit: 1 }))).toEqual(["a/2.x/y"])
        expect(names(yield* store.list("", { startAt: "a/20", limit: 3 }))).toEqual(["a/20", "a0", "ab/z"])
        expect(names(yield* store.list("b/c", { startAt: "a" }))).toEqual(["b/c/d/e"])
        expect(yield* store.list("a/", { startAt: "b" })).toEqual([])
        expect((yield* store.list("a/10"))[0].size).toBe(4)
      })
    )
  })
}
