import { Arbitrary, Schema } from "effect"
import * as fc from "fast-check"
import type { EventOf } from "./events.ts"
import { eventSchemas } from "./events.ts"
import type { Topic } from "./Topic.ts"

/** Valid events of a topic, derived from its Schema: extremes of every field's range as well as everyday values. */
export const arbitraryEvent = <T extends Topic>(topic: T): fc.Arbitrary<EventOf[T]> =>
  Arbitrary.make(Schema.typeSchema(eventSchemas[topic] as unknown as Schema.Schema<EventOf[T]>))

const encoder = new TextEncoder()

/** JSON texts that a field never, or only just, may hold. */
const oddJson = [
  "null",
  "true",
  "false",
  '""',
  '"7"',
  '"007"',
  '"-0"',
  '"-12"',
  '"+1"',
  '" 1"',
  '"1.0"',
  '"9007199254740991"',
  '"9007199254740992"',
  '"99999999999999999999"',
  '"free"',
  '"paid"',
  '"Free"',
  "0",
  "-0",
  "-0.0",
  "-1",
  "1.5",
  "1.0",
  "1e3",
  "1e400",
  "-1e400",
  "1e-400",
  "5e-324",
  "NaN",
  "Infinity",
  "01",
  "90",
  "90.00000000000001",
  "-180.1",
  "2147483647",
  "2147483648",
  "-2147483648",
  "-2147483649",
  "9007199254740991",
  "9007199254740992",
  "9007199254740993",
  "-9007199254740992",
  "946684799999",
  "946684800000",
  "253402300799999",
  "253402300800000",
  "-62135596800000",
  "-62135596800001",
  "31557600",
  "31557600.000001",
  "123456789012345678901234567890",
  "[]",
  "{}",
  '[{"a":1}]',
  '{"toString":1}',
  '"\\ud800"',
  '"\\udc00x"',
  '"\\ud83d\\ude00"',
  '"\\ud83d \\ude00"',
  '"\\u0000"',
  '"\u2028"',
  '"\\x"',
  '"tab\t"',
  "[".repeat(2000) + "]".repeat(2000),
  '{"a":'.repeat(500) + "1" + "}".repeat(500)
] as const

const oddKeys = [
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"x"',
  '""',
  '"TS"',
  '"0"',
  '"\\u0074s"'
] as const

type Member = readonly [key: string, value: string]

const write = (members: ReadonlyArray<Member>, blank: string): string =>
  `{${members.map(([key, value]) => `${blank}${key}${blank}:${blank}${value}`).join(",")}${blank}}`

/** One change to the members of a JSON object. */
const memberChange: fc.Arbitrary<(members: ReadonlyArray<Member>) => ReadonlyArray<Member>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(...oddJson), fc.json({ maxDepth: 2 }))).map(
      ([at, value]) =>
        (members: ReadonlyArray<Member>) =>
          members.map((member, i) => (i === at % members.length ? ([member[0], value] as const) : member))
    )
  },
  fc
    .nat()
    .map((at) => (members: ReadonlyArray<Member>) => members.filter((_, i) => i !== at % members.length)),
  fc
    .tuple(fc.nat(), fc.constantFrom(...oddJson), fc.boolean())
    .map(([at, value, first]) => (members: ReadonlyArray<Member>) => {
      const again = [members[at % members.length][0], value] as const
      return first ? [again, ...members] : [...members, again]
    }),
  fc
    .tuple(fc.constantFrom(...oddKeys), fc.constantFrom(...oddJson))
    .map(([key, value]) => (members: ReadonlyArray<Member>) => [...members, [key, value] as const]),
  fc.constant((members: ReadonlyArray<Member>) => [...members].reverse())
)

/** One change to the bytes of a value. */
const byteChange: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: fc.constant((bytes: Uint8Array) => bytes) },
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]) => (bytes: Uint8Array) => {
    const changed = bytes.slice()
    changed[at % changed.length] = byte
    return changed
  }),
  fc.nat().map((end) => (bytes: Uint8Array) => bytes.slice(0, end % bytes.length)),
  fc
    .constantFrom([0xef, 0xbb, 0xbf], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x0a], [0x00])
    .chain((extra) =>
      fc
        .boolean()
        .map(
          (before) => (bytes: Uint8Array) =>
            Uint8Array.from(before ? [...extra, ...bytes] : [...bytes, ...extra])
        )
    ),
  fc.constantFrom("null", "[]", "1", '"x"', "", "{}").map((text) => () => encoder.encode(text))
)

/**
 * Values near those of a topic: a valid event's JSON with up to four changes, of members (wrong types, huge and negative
 * numbers, -0, 1e400, NaN, lone surrogates, deep nesting, repeated, missing, unknown and `__proto__` keys) and of bytes
 * (invalid UTF-8, cut off, not an object). Most of them are malformed, many are not.
 */
export const arbitraryMutant = (topic: Topic): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      arbitraryEvent(topic),
      fc.array(memberChange, { maxLength: 4 }),
      byteChange,
      fc.constantFrom("", " ", "\r\n\t")
    )
    .map(([event, memberChanges, changeBytes, blank]) => {
      let members: ReadonlyArray<Member> = Object.entries(event).map(
        ([key, value]) => [JSON.stringify(key), JSON.stringify(value)] as const
      )
      for (const change of memberChanges) if (members.length > 0) members = change(members)
      return changeBytes(encoder.encode(write(members, blank)))
    })
