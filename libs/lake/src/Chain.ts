import { Buffer } from "node:buffer"
import { decoderVersion } from "@musify/domain/Decoder.ts"
import type { Topic } from "@musify/domain/Topic.ts"
import { Effect, Option, Schema } from "effect"
import type { FrozenBatch, FrozenFile } from "./BatchBuilder.ts"
import { ChainHalted, RaceLost } from "./ChainError.ts"
import { identityOf, identityText } from "./FileIdentity.ts"
import { identityKey } from "./LakeParquet.ts"
import type { ObjectStoreService } from "./ObjectStore.ts"
import type { ObjectStoreError } from "./ObjectStoreError.ts"
import { chainPrefix, planName, sealName } from "./objectNames.ts"
import { verifiedFooter } from "./parquetFile.ts"
import { Plan, planText, planVersion, samePlan } from "./Plan.ts"
import { sealOf, sealText } from "./Seal.ts"

/** The end of a partition's chain: its last plan (none when the chain is empty) and whether that one is sealed. */
export interface Tail {
  readonly plan: Plan | undefined
  readonly sealed: boolean
}

const decodePlan = Schema.decodeUnknownEither(Schema.parseJson(Plan))
const decodeVersion = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({ version: Schema.Number })))

/** The version that a text which is no plan of ours names; ours when it names none. */
const versionOf = (text: string): number =>
  Option.match(decodeVersion(text), { onNone: () => planVersion, onSome: ({ version }) => version })

/** Reads plan `seq`, if it is there. Fails with `ChainHalted` when it is damaged or of a newer release. */
export const readPlan = (
  store: ObjectStoreService,
  topic: Topic,
  partition: number,
  seq: number
): Effect.Effect<Option.Option<Plan>, ObjectStoreError | ChainHalted> => {
  const name = planName(topic, partition, seq)
  const halted = (reason: ChainHalted["reason"], message: string) =>
    new ChainHalted({ topic, partition, reason, message })
  return Effect.flatMap(store.get(name), (found) => {
    if (Option.isNone(found)) return Effect.succeed(Option.none())
    const text = Buffer.from(found.value).toString("utf8")
    const plan = decodePlan(text)
    const version = plan._tag === "Right" ? plan.right.version : versionOf(text)
    if (version > planVersion)
      return halted(
        "newer version",
        `${store.locate(name)} was written by a newer release (format ${version}, this one knows ${planVersion}). Nothing was touched: run that release.`
      )
    if (plan._tag === "Left")
      return halted(
        "damaged object",
        `${store.locate(name)} is no plan: ${plan.left.message.split("\n")[0]}. Restore it from a backup; ${topic}/${partition} waits until then.`
      )
    const { partition: inside, seq: seqInside, topic: topicInside } = plan.right
    if (topicInside !== topic || inside !== partition || seqInside !== seq)
      return halted(
        "foreign object",
        `${store.locate(name)} is the plan of ${topicInside}/${inside} seq ${seqInside}, not of ${topic}/${partition} seq ${seq}. Put the right one back; ${topic}/${partition} waits until then.`
      )
    return Effect.succeed(Option.some(plan.right))
  })
}

/**
 * Finds the last plan from `known` (a seq that is planned, or 0) on. Plans are never deleted, so "plan s is there"
 * holds up to the tail and not after it: gallop, then halve, with O(log n) reads and no listing. One listing behind
 * the tail then proves that no later plan is there; if one is, the chain has a hole and nothing may be written.
 */
export const findTail = (
  store: ObjectStoreService,
  topic: Topic,
  partition: number,
  known = 0
): Effect.Effect<Tail, ObjectStoreError | ChainHalted> =>
  Effect.gen(function* () {
    let low = known - 1
    let plan: Plan | undefined
    let high: number | undefined
    for (let step = 1; high === undefined || high - low > 1; step *= 2) {
      const probe: number = high === undefined ? low + step : Math.floor((low + high) / 2)
      const found = yield* readPlan(store, topic, partition, probe)
      if (Option.isSome(found)) {
        low = probe
        plan = found.value
      } else high = probe
    }
    const beyond = yield* store.list(chainPrefix(topic, partition), {
      startAt: planName(topic, partition, low + 1),
      limit: 1
    })
    if (beyond.length > 0) {
      // Another writer may have planned in between.
      if (Option.isSome(yield* readPlan(store, topic, partition, low + 1)))
        return yield* findTail(store, topic, partition, low + 1)
      return yield* new ChainHalted({
        topic,
        partition,
        reason: "damaged object",
        message: `${store.locate(planName(topic, partition, low + 1))} is missing, but ${beyond[0].name} is there: plans were deleted. Restore them from a backup; ${topic}/${partition} waits until then.`
      })
    }
    if (plan === undefined) return { plan, sealed: false }
    const seal = yield* store.get(sealName(topic, partition, low))
    if (Option.isSome(seal)) yield* compareSeal(store, plan, seal.value)
    return { plan, sealed: Option.isSome(seal) }
  })

/** Puts the plan of a batch, if absent. An equal plan that is there already is success; another one is `RaceLost`. */
export const putPlan = (
  store: ObjectStoreService,
  plan: Plan
): Effect.Effect<void, ObjectStoreError | ChainHalted | RaceLost> =>
  Effect.gen(function* () {
    const { partition, seq, topic } = plan
    const answer = yield* store.putIfAbsent(planName(topic, partition, seq), Buffer.from(planText(plan)))
    if (answer === "created") return
    const found = yield* readPlan(store, topic, partition, seq)
    if (Option.isNone(found) || !samePlan(found.value, plan))
      return yield* new RaceLost({ topic, partition, seq })
  })

type PlannedFile = { readonly path: string; readonly rows: number; readonly hash: string }

/** The identity that an object's metadata or else its footer tells; none when there is no such object. */
const storedIdentity = (
  store: ObjectStoreService,
  plan: Plan,
  path: string
): Effect.Effect<Option.Option<string>, ObjectStoreError | ChainHalted> =>
  Effect.gen(function* () {
    const metadata = yield* store.metadata(path)
    if (Option.isNone(metadata)) return Option.none()
    if (identityKey in metadata.value) return Option.some(metadata.value[identityKey])
    const found = yield* store.get(path)
    if (Option.isNone(found)) return Option.none()
    const { partition, topic } = plan
    return yield* Effect.try({
      try: () =>
        Option.some(
          verifiedFooter(store.locate(path), found.value).metadata[identityKey] ?? "nothing of ours"
        ),
      catch: (cause) =>
        new ChainHalted({ topic, partition, reason: "damaged object", message: (cause as Error).message })
    })
  })

/** Whether a planned file is there. Fails with `ChainHalted` when a damaged or foreign one has its name. */
export const hasFile = (
  store: ObjectStoreService,
  plan: Plan,
  file: PlannedFile
): Effect.Effect<boolean, ObjectStoreError | ChainHalted> =>
  Effect.flatMap(storedIdentity(store, plan, file.path), (stored) => {
    const { partition, topic } = plan
    const wanted = identityText(identityOf(plan, file))
    if (Option.isNone(stored)) return Effect.succeed(false)
    if (stored.value === wanted) return Effect.succeed(true)
    return new ChainHalted({
      topic,
      partition,
      reason: "foreign object",
      message: `${store.locate(file.path)} holds ${stored.value}, but plan ${plan.seq} of ${topic}/${partition} (${store.locate(planName(topic, partition, plan.seq))}) puts ${wanted} there. Find out who wrote it and move it away; ${topic}/${partition} waits until then.`
    })
  })

/** Puts a file of a plan, if absent. One that is there already is success when its identity is the planned one. */
export const putFile = (
  store: ObjectStoreService,
  plan: Plan,
  file: FrozenFile
): Effect.Effect<void, ObjectStoreError | ChainHalted> =>
  Effect.suspend(() =>
    store.putIfAbsent(file.path, file.encode(), { [identityKey]: identityText(identityOf(plan, file)) })
  ).pipe(Effect.flatMap((answer) => (answer === "created" ? Effect.void : hasFile(store, plan, file))))

const compareSeal = (
  store: ObjectStoreService,
  plan: Plan,
  bytes: Uint8Array
): Effect.Effect<void, ChainHalted> => {
  const { partition, seq, topic } = plan
  const wanted = sealText(sealOf(plan))
  const stored = Buffer.from(bytes).toString("utf8")
  if (stored === wanted) return Effect.void
  return new ChainHalted({
    topic,
    partition,
    reason: "foreign object",
    message: `${store.locate(sealName(topic, partition, seq))} says ${stored}, but plan ${seq} (${store.locate(planName(topic, partition, seq))}) makes it ${wanted}. Find out who wrote it; ${topic}/${partition} waits until then.`
  })
}

/** Seals a plan whose files are all there. */
export const putSeal = (
  store: ObjectStoreService,
  plan: Plan
): Effect.Effect<void, ObjectStoreError | ChainHalted> =>
  Effect.gen(function* () {
    const name = sealName(plan.topic, plan.partition, plan.seq)
    const answer = yield* store.putIfAbsent(name, Buffer.from(sealText(sealOf(plan))))
    if (answer === "created") return
    const found = yield* store.get(name)
    if (Option.isSome(found)) yield* compareSeal(store, plan, found.value)
  })

/** How many files of a plan are put at a time: their fsyncs overlap, and this many are in memory as bytes. */
const filesAtATime = 8

/**
 * Puts all files of a frozen batch whose plan is in place. Each file takes a slot from its encoding on until it is
 * stored, so that slots bound the encoded bytes in memory.
 */
export const putFiles = (
  store: ObjectStoreService,
  batch: FrozenBatch,
  slots: Effect.Semaphore
): Effect.Effect<void, ObjectStoreError | ChainHalted> =>
  Effect.forEach(batch.files, (file) => slots.withPermits(1)(putFile(store, batch.plan, file)), {
    concurrency: filesAtATime,
    discard: true
  })

/** The files of a plan that are not there yet. */
export const missingFiles = (
  store: ObjectStoreService,
  plan: Plan
): Effect.Effect<ReadonlyArray<PlannedFile>, ObjectStoreError | ChainHalted> =>
  Effect.filter(
    [...plan.files, ...plan.deadLetters],
    (file) => Effect.map(hasFile(store, plan, file), (there) => !there),
    {
      concurrency: filesAtATime
    }
  )

/**
 * Completes an open plan of another writer (or of a killed one) with its own file list. `again` is the batch made anew
 * from the log's records of the plan's range, or of what the log still holds of it; its files must be the planned ones,
 * row for row. `isWhole`: the log still held all of the range.
 */
export const executeTail = (
  store: ObjectStoreService,
  plan: Plan,
  missing: ReadonlyArray<PlannedFile>,
  again: FrozenBatch,
  isWhole: boolean
): Effect.Effect<void, ObjectStoreError | ChainHalted> =>
  Effect.gen(function* () {
    const { partition, topic } = plan
    const made = new Map(again.files.map((file) => [file.path, file]))
    for (const file of missing) {
      const found = made.get(file.path)
      if (found?.rows === file.rows && found.hash === file.hash) continue
      return yield* isWhole
        ? new ChainHalted({
            topic,
            partition,
            reason: "rows differ",
            message: `The log's records ${plan.start} to ${plan.end} of ${topic}/${partition} do not give the rows that ${store.locate(planName(topic, partition, plan.seq))} plans for ${file.path} (${file.rows} rows, hash ${file.hash}; the log gives ${found === undefined ? "none" : `${found.rows} rows, hash ${found.hash}`}). Was the log changed?`
          })
        : new ChainHalted({
            topic,
            partition,
            reason: "missing records",
            message: `The log no longer holds all of ${topic}/${partition} from ${plan.start} to ${plan.end}: ${file.path} of the open plan cannot be written. Those records are lost unless the log is restored; nothing was written.`
          })
    }
    yield* Effect.forEach(missing, (file) => putFile(store, plan, { ...made.get(file.path)!, ...file }), {
      concurrency: filesAtATime,
      discard: true
    })
  })

/** Stops before a tail is written whose files another version of the decoder planned. */
export const checkDecoder = (store: ObjectStoreService, plan: Plan): Effect.Effect<void, ChainHalted> =>
  plan.decoder === decoderVersion
    ? Effect.void
    : new ChainHalted({
        topic: plan.topic,
        partition: plan.partition,
        reason: "newer version",
        message: `${store.locate(planName(plan.topic, plan.partition, plan.seq))} is open and was planned with decoder version ${plan.decoder}; this release has ${decoderVersion}. Nothing was touched: let that release finish it once.`
      })
