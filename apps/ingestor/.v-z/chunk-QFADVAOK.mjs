import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import {
  Schema_exports
} from "./chunk-IF5KSLEC.mjs";

// libs/stream/src/EventLogError.ts
var UnexpectedOffset = class extends Schema_exports.TaggedError()("UnexpectedOffset", {
  topic: Schema_exports.String,
  partition: Schema_exports.Number,
  expected: Schema_exports.Number,
  found: Schema_exports.Number
}) {
  get message() {
    return `${this.topic}/${this.partition} ends at offset ${this.found}, not at ${this.expected}: another producer has written to it.`;
  }
};
var OffsetOutOfRange = class extends Schema_exports.TaggedError()("OffsetOutOfRange", {
  topic: Schema_exports.String,
  partition: Schema_exports.Number,
  offset: Schema_exports.Number,
  start: Schema_exports.Number,
  end: Schema_exports.Number
}) {
  get message() {
    return `${this.topic}/${this.partition} holds offsets ${this.start} to ${this.end}, but ${this.offset} was asked for.`;
  }
};
var EventLogUnavailable = class extends Schema_exports.TaggedError()("EventLogUnavailable", {
  message: Schema_exports.String,
  retryable: Schema_exports.Boolean,
  damaged: Schema_exports.optional(Schema_exports.Boolean),
  cause: Schema_exports.optional(Schema_exports.Defect)
}) {
  /** Of a program that ends with it: 1 found wrong, 3 not reachable. */
  get exitCode() {
    return this.damaged === true ? 1 : 3;
  }
};

// libs/stream/src/StoredBatch.ts
var startOf = (column, index) => index === 0 ? 0 : column.ends[index - 1];
var bytesBetween = ({ headers, keys, values }, from, to) => {
  const bytes = startOf(keys, to) - startOf(keys, from) + startOf(values, to) - startOf(values, from);
  return headers === void 0 ? bytes : bytes + startOf(headers, to) - startOf(headers, from);
};
var cutAt = (records, from, maxBytes) => {
  if (bytesBetween(records, from, records.count) <= maxBytes) return records.count;
  let low = from + 1;
  let high = records.count;
  while (low < high) {
    const middle = low + high + 1 >>> 1;
    if (bytesBetween(records, from, middle) <= maxBytes) low = middle;
    else high = middle - 1;
  }
  return low;
};
var takeSlices = (batches, offset, maxBytes) => {
  const slices = [];
  let room = maxBytes;
  for (const batch of batches) {
    const from = Math.max(0, offset - batch.base);
    let to = cutAt(batch, from, room);
    if (slices.length > 0 && bytesBetween(batch, from, to) > room) to = from;
    if (to > from) slices.push({ batch, from, to });
    room -= bytesBetween(batch, from, to);
    if (to < batch.count || room <= 0) break;
  }
  return slices;
};
var joinColumn = (slices, count, of) => {
  if (slices.length === 1 && slices[0].from === 0 && slices[0].to === slices[0].batch.count) {
    return of(slices[0].batch);
  }
  let size = 0;
  let anyNull = false;
  for (const { batch, from, to } of slices) {
    const column = of(batch);
    size += startOf(column, to) - startOf(column, from);
    if (column.nulls !== void 0) anyNull = true;
  }
  const data = new Uint8Array(size);
  const ends = new Int32Array(count);
  const nulls = new Uint8Array(anyNull ? count : 0);
  let at = 0;
  let index = 0;
  for (const { batch, from, to } of slices) {
    const column = of(batch);
    const start = startOf(column, from);
    data.set(column.data.subarray(start, startOf(column, to)), at);
    for (let i = from; i < to; i++) ends[index + i - from] = column.ends[i] - start + at;
    if (column.nulls !== void 0) nulls.set(column.nulls.subarray(from, to), index);
    at += startOf(column, to) - start;
    index += to - from;
  }
  return anyNull ? { data, ends, nulls } : { data, ends };
};
var nothing = (count) => ({
  data: new Uint8Array(0),
  ends: new Int32Array(count),
  nulls: new Uint8Array(count).fill(1)
});
var joinSlices = (slices) => {
  let count = 0;
  for (const { from, to } of slices) count += to - from;
  const offsets = new Float64Array(count);
  const timestamps = new Float64Array(count);
  let index = 0;
  for (const { batch, from, to } of slices) {
    for (let i = from; i < to; i++) offsets[index + i - from] = batch.base + i;
    timestamps.fill(batch.timestamp, index, index + to - from);
    index += to - from;
  }
  const joined = {
    count,
    keys: joinColumn(slices, count, (batch) => batch.keys),
    values: joinColumn(slices, count, (batch) => batch.values),
    offsets,
    timestamps
  };
  if (slices.every(({ batch }) => batch.headers === void 0)) return joined;
  return { ...joined, headers: joinColumn(slices, count, (batch) => batch.headers ?? nothing(batch.count)) };
};

export {
  UnexpectedOffset,
  OffsetOutOfRange,
  EventLogUnavailable,
  bytesBetween,
  cutAt,
  takeSlices,
  joinSlices
};
//# sourceMappingURL=chunk-QFADVAOK.mjs.map
