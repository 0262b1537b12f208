import { makeDecoder } from "@musify/domain/Decoder.ts"
import { type Topic, topics } from "@musify/domain/Topic.ts"
import fc from "fast-check"
import { Buffer } from "node:buffer"
import { expect, it } from "vitest"
import { damage, dropField, fieldsIn, kindsFor, removableFields } from "./damage.ts"
import { damageKinds } from "./damageKinds.ts"
import type { Fault } from "./Fault.ts"
import { noFaults, recordFaults } from "./FaultsConfig.ts"
import { type Held, HeldRecords } from "./HeldRecords.ts"
import { findField, numberOf, withValue } from "./jsonText.ts"
import { monday } from "../testing/collect.ts"
import { injected, type Line, manyFaults, sorted } from "./testing/injected.ts"

const config = manyFaults()
const whole = injected(config)

it("without faults is the identity", () => {
  const { clean, faults, lines } = injected(noFaults, { budget: 700 })
  expect(lines).toEqual(clean)
  expect(faults).toEqual([])
})

it("does the same however the records are cut into batches", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), (budget) => {
      const cut = injected(config, { budget })
      expect(cut.lines).toEqual(whole.lines)
      expect(sorted(cut.faults)).toEqual(sorted(whole.faults))
      expect(sorted(cut.heldBack)).toEqual(sorted(whole.heldBack))
    }),
    { numRuns: 5 }
  )
})

it("goes on at any record of each partition, and says again what it did before", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 8 }),
      (shares) => {
        const count = (t: number, p: number) =>
          Math.floor(shares[t * 2 + p] * (whole.lines.get(`${topics[t]}/${p}`) ?? []).length)
        const positions = topics.map((_, t) => [count(t, 0), count(t, 1)])
        const rest = injected(config, { positions })
        for (const [name, lines] of whole.lines) {
          const [topic, partition] = name.split("/")
          const from = positions[topics.indexOf(topic as Topic)][Number(partition)]
          expect(rest.lines.get(name) ?? []).toEqual(lines.slice(from))
        }
        expect(sorted(rest.faults)).toEqual(sorted(whole.faults))
      }
    ),
    { numRuns: 5 }
  )
})

it("does the same to an event wherever it goes: partitions, line feeds", () => {
  const about = ({
    delay,
    detail,
    device,
    itemInSession,
    kind,
    sessionId,
    sourceTs,
    topic,
    writtenTs
  }: Fault) =>
    JSON.stringify([topic, kind, detail, sourceTs, writtenTs, delay, device, sessionId, itemInSession])
  const all = ({ faults, heldBack }: typeof whole) => [...faults, ...heldBack].map(about).sort()
  expect(all(injected(config, { partitions: 3 }))).toEqual(all(whole))
  const files = injected(config, { newline: true })
  expect(all(files)).toEqual(all(whole))
  for (const [name, lines] of files.lines) {
    const values = whole.lines.get(name)!.map(({ value }) => `${value ?? ""}\n`)
    expect(lines.map(({ value }) => value)).toEqual(values)
  }
})

it("depends on the seed", () => {
  expect(sorted(injected(config, { seed: 4 }).faults)).not.toEqual(sorted(whole.faults))
})

it("keeps to the shares", () => {
  const total = [...whole.clean.values()].reduce((sum, { length }) => sum + length, 0)
  expect(total).toBeGreaterThan(2000)
  const kinds = { duplicates: "duplicate", "missing-fields": "missing-field" } as Readonly<
    Record<string, string>
  >
  for (const name of recordFaults) {
    const { share } = config[name]
    const found = [...whole.faults, ...whole.heldBack].filter(
      ({ kind }) => kind === (kinds[name] ?? name)
    ).length
    // Five standard deviations of a binomial: once in two million.
    expect(Math.abs(found - share * total), name).toBeLessThan(5 * Math.sqrt(total * share * (1 - share)))
  }
  const devices = new Set([...whole.clean.values()].flatMap((lines) => lines.map(({ key }) => key)))
  const skewed = new Set(whole.faults.filter(({ kind }) => kind === "clock-skew").map(({ device }) => device))
  const share = config["clock-skew"].share
  expect(Math.abs(skewed.size - share * devices.size)).toBeLessThan(
    5 * Math.sqrt(devices.size * share * (1 - share))
  )
})

it("writes down exactly what differs from the output without faults", () => {
  const idOf = (topic: string, json: string) =>
    `${topic} ${numberOf(json, "ts")} ${numberOf(json, "sessionId")} ${numberOf(json, "itemInSession")}`
  const clean = new Map<string, Line>()
  for (const [name, lines] of whole.clean)
    for (const line of lines) clean.set(idOf(name.split("/")[0], line.value!), line)
  const sourceOf = (fault: Fault) =>
    clean.get(`${fault.topic} ${fault.sourceTs} ${fault.sessionId} ${fault.itemInSession}`)!
  const held = new Set(
    whole.heldBack.filter(({ kind }) => kind === "late" || kind === "out-of-order").map(sourceOf)
  )
  for (const [name, lines] of whole.lines) {
    const [topic, partition] = name.split("/")
    const faults = new Map<number, Array<Fault>>()
    for (const fault of whole.faults) {
      if (fault.topic !== topic || fault.partition !== Number(partition)) continue
      faults.set(fault.offset!, [...(faults.get(fault.offset!) ?? []), fault])
    }
    // What remains at its place, in order; records that come late or twice are looked at by themselves.
    const moved = new Set<Line>()
    const inPlace: Array<Line> = []
    lines.forEach((line, offset) => {
      const own = faults.get(offset) ?? []
      const source = own.length === 0 ? line : sourceOf(own[0])
      expect(line.key).toBe(source.key)
      let value: string | null = source.value
      for (const fault of own) {
        expect(sourceOf(fault)).toBe(source)
        if (fault.kind === "clock-skew")
          value = withValue(value!, "ts", (ts) => String(Number(ts) + fault.delay * 1000))
      }
      const main = own.find(({ kind }) => kind !== "clock-skew")
      if (main?.kind === "malformed" || main?.kind === "missing-field") {
        expect(line.value).not.toBe(value)
      } else expect(line.value).toBe(value)
      if (main?.kind === "duplicate") expect(lines[main.originalOffset!].value).toBe(line.value)
      else if (main?.kind === "late" || main?.kind === "out-of-order") moved.add(source)
      else inPlace.push(own.length === 0 ? line : source)
    })
    const expected = whole.clean.get(name)!.filter((line) => !moved.has(line) && !held.has(line))
    expect(inPlace).toEqual(expected)
  }
})

it("holds a record back until its time, and tells how many overtook it", () => {
  const timeOf = (lines: ReadonlyArray<Line>, offset: number, faults: ReadonlyMap<number, Fault>) =>
    faults.get(offset)?.sourceTs ?? numberOf(lines[offset].value!, "ts")
  let looked = 0
  for (const [name, lines] of whole.lines) {
    const [topic, partition] = name.split("/")
    const own = whole.faults.filter((f) => f.topic === topic && f.partition === Number(partition))
    const byOffset = new Map(own.map((fault) => [fault.offset!, fault]))
    const moved = new Set(
      own
        .filter(({ kind }) => ["late", "out-of-order", "duplicate"].includes(kind))
        .map(({ offset }) => offset)
    )
    for (const { delay, kind, offset, overtaken, sourceTs } of own) {
      if (kind !== "late" && kind !== "out-of-order") continue
      looked++
      const due = sourceTs + delay * 1000
      let before = offset! - 1
      while (before >= 0 && moved.has(before)) before--
      let after = offset! + 1
      while (after < lines.length && moved.has(after)) after++
      if (before >= 0) expect(timeOf(lines, before, byOffset)).toBeLessThan(due)
      if (after < lines.length) expect(timeOf(lines, after, byOffset)).toBeGreaterThanOrEqual(due)
      expect(overtaken).toBeGreaterThanOrEqual(0)
    }
  }
  expect(looked).toBeGreaterThan(100)
})

it("damages so that the decoder says what the manifest says", () => {
  for (const topic of topics) {
    const events = [...whole.clean].filter(([name]) => name.startsWith(topic)).flatMap(([, lines]) => lines)
    const decoder = makeDecoder(topic)
    const answer = (value: string | null, ts: number) =>
      decoder.decode(value === null ? null : Buffer.from(value, "latin1"), ts, 0)
    for (const kind of kindsFor(topic, damageKinds)) {
      for (const { value } of kind === "oversized" ? events.slice(0, 1) : events.slice(0, 60)) {
        const damaged = damage(kind, value!, (events.indexOf(events[0]) + value!.length * 0.37) % 1)
        const reason = answer(damaged.value, numberOf(value!, "ts"))
        if (damaged.reason === undefined) expect(reason, kind).toBeUndefined()
        else expect(reason, kind).toMatch(new RegExp(`^${damaged.reason}`))
      }
    }
    for (const { value } of events.slice(0, 60)) {
      for (const name of fieldsIn(value!, removableFields)) {
        const without = dropField(topic, value!, name)
        const reason = answer(without.value, numberOf(value!, "ts"))
        expect(reason === undefined ? undefined : reason, name).toBe(without.reason)
        expect(findField(without.value!, name)).toBeUndefined()
      }
    }
  }
})

it("cuts off so that the rest is no JSON, but UTF-8", () => {
  const decoder = makeDecoder("listen_events")
  fc.assert(
    fc.property(fc.fullUnicodeString(), fc.nat({ max: 999 }), (artist, place) => {
      const json = Buffer.from(JSON.stringify({ ts: monday, artist })).toString("latin1")
      const { value } = damage("cut-off", json, place / 1000)
      expect(value!.length).toBeLessThan(json.length)
      expect(decoder.decode(Buffer.from(value!, "latin1"), monday, 0)).toBe("invalid JSON")
    })
  )
})

it("takes what is held back by time, then by order", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean())), (steps) => {
      const held = new HeldRecords<Held>()
      let model: Array<Held> = []
      for (const [order, [due, isPush]] of steps.entries()) {
        if (isPush || model.length === 0) {
          held.push({ due, order })
          model.push({ due, order })
        } else {
          model = model.sort((a, b) => a.due - b.due || a.order - b.order)
          expect(held.due).toBe(model[0].due)
          expect(held.pop()).toEqual(model.shift())
        }
        expect(held.size).toBe(model.length)
      }
    })
  )
})

it("finds a field whatever stands in the texts around it", () => {
  fc.assert(
    fc.property(fc.fullUnicodeString(), fc.integer(), fc.fullUnicodeString(), (before, n, after) => {
      const tricky = `${before}"n":7,"n":\\`
      const json = JSON.stringify({ artist: tricky, n, song: after, 'x"n': 1 })
      expect(numberOf(json, "n")).toBe(n)
      const place = findField(json, "artist")!
      expect(JSON.parse(json.slice(place.valueFrom, place.to))).toBe(tricky)
    })
  )
})
