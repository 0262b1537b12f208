import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);
import {
  EventLogUnavailable,
  OffsetOutOfRange,
  UnexpectedOffset,
  bytesBetween,
  cutAt,
  joinSlices,
  takeSlices
} from "./chunk-QFADVAOK.mjs";
import {
  EventLog,
  UserError,
  topics
} from "./chunk-FGETWQLX.mjs";
import {
  Clock_exports,
  Effect_exports,
  Layer_exports,
  Mailbox_exports
} from "./chunk-IF5KSLEC.mjs";
import "./chunk-SFCQHAXM.mjs";

// libs/stream/src/LmdbEventLog.ts
import path3 from "node:path";

// libs/stream/src/batchCodec.ts
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
var headerBytes = 36;
var version = 1;
var withHeaders = 8;
var startOf = (column, index) => index === 0 ? 0 : column.ends[index - 1];
var columnsOf = ({ headers, keys, values }) => headers === void 0 ? [keys, values] : [keys, values, headers];
var encodedBytes = (records, from, to) => {
  let bytes = headerBytes + (records.headers === void 0 ? 0 : 4);
  for (const column of columnsOf(records)) {
    const nulls = column.nulls === void 0 ? 0 : 1;
    bytes += startOf(column, to) - startOf(column, from) + (to - from) * (4 + nulls);
  }
  return bytes;
};
var encodeBatchInto = (out, begin, records, from, to, base, timestamp) => {
  const count = to - from;
  const columns = columnsOf(records);
  const sizes = columns.map((column) => startOf(column, to) - startOf(column, from));
  let flags = columns.length > 2 ? withHeaders : 0;
  columns.forEach(({ nulls }, c) => flags |= nulls === void 0 ? 0 : 1 << c);
  out[begin + 4] = version;
  out[begin + 5] = flags;
  out.writeUInt16LE(0, begin + 6);
  out.writeUInt32LE(count, begin + 8);
  out.writeUInt32LE(sizes[0], begin + 12);
  out.writeUInt32LE(sizes[1], begin + 16);
  out.writeDoubleLE(base, begin + 20);
  out.writeDoubleLE(timestamp, begin + 28);
  let at = begin + headerBytes;
  if (columns.length > 2) at = out.writeUInt32LE(sizes[2], at);
  for (const { ends } of columns) {
    if (from === 0) {
      out.set(new Uint8Array(ends.buffer, ends.byteOffset, count * 4), at);
      at += count * 4;
    } else {
      const start = ends[from - 1];
      for (let i = from; i < to; i++) at = out.writeInt32LE(ends[i] - start, at);
    }
  }
  for (const { nulls } of columns) {
    if (nulls === void 0) continue;
    out.set(nulls.subarray(from, to), at);
    at += count;
  }
  for (const column of columns) {
    const bytes = column.data.subarray(startOf(column, from), startOf(column, to));
    out.set(bytes, at);
    at += bytes.length;
  }
  out.writeUInt32LE(crc32(out.subarray(begin + 4, at)), begin);
  return at;
};
var encodeBatch = (records, from, to, base, timestamp) => {
  const out = Buffer.allocUnsafe(encodedBytes(records, from, to));
  encodeBatchInto(out, 0, records, from, to, base, timestamp);
  return out;
};
var decodeBatch = (bytes, base, count) => {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < headerBytes || crc32(view.subarray(4)) !== view.readUInt32LE(0)) return void 0;
  if (view[4] !== version || view.readUInt32LE(8) !== count || view.readDoubleLE(20) !== base)
    return void 0;
  const flags = view[5];
  const sizes = [view.readUInt32LE(12), view.readUInt32LE(16)];
  let at = headerBytes;
  if ((flags & withHeaders) !== 0) {
    if (view.length < headerBytes + 4) return void 0;
    sizes.push(view.readUInt32LE(at));
    at += 4;
  }
  const take = (size) => {
    at += size;
    return view.subarray(at - size, at);
  };
  const ends = sizes.map(() => {
    const aligned = new Int32Array(count);
    new Uint8Array(aligned.buffer).set(take(count * 4));
    return aligned;
  });
  const nulls = sizes.map((_, c) => (flags & 1 << c) === 0 ? void 0 : take(count));
  const [keys, values, headers] = sizes.map((size, c) => {
    const column = { data: take(size), ends: ends[c] };
    return nulls[c] === void 0 ? column : { ...column, nulls: nulls[c] };
  });
  if (at !== view.length) return void 0;
  const batch = { base, count, timestamp: view.readDoubleLE(28), keys, values };
  return headers === void 0 ? batch : { ...batch, headers };
};
var encodeNote = (text) => Buffer.from(`${crc32(Buffer.from(text)).toString(16).padStart(8, "0")} ${text}`);
var decodeNote = (bytes) => {
  const text = Buffer.from(bytes).toString("utf8");
  return encodeNote(text.slice(9)).equals(bytes) ? text.slice(9) : void 0;
};

// libs/stream/src/lmdbTable.ts
import { open } from "lmdb";
import fs3 from "node:fs";

// libs/stream/src/checkLmdbFile.ts
import { Buffer as Buffer2 } from "node:buffer";
import fs from "node:fs";
var pageHeader = 24;
var magic = 3203383518;
var dataVersion = 2;
var metaBytes = 200;
var branchFlag = 1;
var leafFlag = 2;
var bigDataFlag = 1;
var noPage = 0xffffffffffffffffn;
var damaged = (what) => new Error(`it is damaged: ${what}`);
var readAt = (handle, position, length) => {
  const bytes = Buffer2.alloc(length);
  return bytes.subarray(0, fs.readSync(handle, bytes, 0, length, position));
};
var readMeta = (bytes) => {
  if (bytes.length < metaBytes || bytes.readUInt32LE(pageHeader) !== magic) return void 0;
  if ((bytes.readUInt32LE(pageHeader + 4) & 65535) !== dataVersion) return void 0;
  return {
    pageSize: bytes.readUInt32LE(pageHeader + 24),
    lastPage: Number(bytes.readBigUInt64LE(pageHeader + 120)),
    transaction: Number(bytes.readBigUInt64LE(pageHeader + 128)),
    tables: [24, 72].map((at) => ({
      depth: bytes.readUInt16LE(pageHeader + at + 6),
      root: bytes.readBigUInt64LE(pageHeader + at + 40)
    }))
  };
};
var currentMeta = (handle) => {
  const first = readMeta(readAt(handle, 0, metaBytes));
  if (first === void 0) throw new Error("it is no LMDB file, or its beginning is damaged");
  const { pageSize } = first;
  if (pageSize < 512 || pageSize > 65536 || (pageSize & pageSize - 1) !== 0) {
    throw damaged("its page size is impossible");
  }
  const second = readMeta(readAt(handle, pageSize, metaBytes));
  if (second === void 0 || second.pageSize !== pageSize) throw damaged("its second page is wrong");
  if (Math.abs(first.transaction - second.transaction) > 1)
    throw damaged("its first two pages do not fit together");
  return first.transaction > second.transaction ? first : second;
};
var checkTree = (handle, meta, table) => {
  const { lastPage, pageSize } = meta;
  const room = pageSize - pageHeader;
  const seen = /* @__PURE__ */ new Set();
  const visit = (number, depth) => {
    if (number < 2 || number > lastPage || seen.has(number)) throw damaged(`it points to page ${number}`);
    seen.add(number);
    const wrong = () => damaged(`page ${number}, at byte ${number * pageSize}, is not what was written`);
    const page = readAt(handle, number * pageSize, pageSize);
    if (page.length < pageSize || page.readBigUInt64LE(0) !== BigInt(number)) throw wrong();
    const flags = page.readUInt16LE(18) & 255;
    const lower = page.readUInt16LE(20);
    const upper = page.readUInt16LE(22);
    if (flags !== (depth === 1 ? leafFlag : branchFlag)) throw wrong();
    if ((lower & 1) !== 0 || lower > upper || upper > room || lower === 0) throw wrong();
    for (let i = 0; i < lower; i += 2) {
      const position = page.readUInt16LE(pageHeader + i);
      if (position < upper || position + 8 > room) throw wrong();
      const node = page.subarray(pageHeader + position);
      const low = node.readUInt32LE(0);
      const nodeFlags = node.readUInt16LE(4);
      const data = 8 + node.readUInt16LE(6);
      if (data > node.length) throw wrong();
      if (depth > 1) visit(low + nodeFlags * 2 ** 32, depth - 1);
      else if (nodeFlags === bigDataFlag) {
        if (data + 24 > node.length) throw wrong();
        const first = Number(node.readBigUInt64LE(data));
        const pages = Number(node.readBigUInt64LE(data + 16));
        if (first < 2 || first + pages - 1 > lastPage || low + pageHeader > pages * pageSize) throw wrong();
      } else if (nodeFlags !== 0 || data + low > node.length) throw wrong();
    }
  };
  if (table.root === noPage) return;
  if (table.depth < 1 || table.depth > 32) throw damaged("the depth of its tree is impossible");
  visit(Number(table.root), table.depth);
};
var checkRoot = (handle, { pageSize, tables, transaction }) => {
  const { root } = tables[1];
  if (root === noPage) return;
  const page = readAt(handle, Number(root) * pageSize, pageHeader);
  if (page.length < pageHeader || Number(page.readBigUInt64LE(8)) !== transaction) {
    throw damaged("its first pages name another state than the last one");
  }
};
var checkState = (handle) => {
  const meta = currentMeta(handle);
  const size = fs.fstatSync(handle).size;
  const expected = (meta.lastPage + 1) * meta.pageSize;
  if (size < expected) throw damaged(`it was cut short to ${size} of at least ${expected} bytes`);
  for (const table of meta.tables) checkTree(handle, meta, table);
  checkRoot(handle, meta);
};
var checkLmdbFile = (file) => {
  let handle;
  try {
    handle = fs.openSync(file, "r");
  } catch (cause) {
    if (cause.code === "ENOENT") return;
    throw cause;
  }
  try {
    if (fs.fstatSync(handle).size === 0) return;
    for (let attempts = 1; ; attempts++) {
      const before = readAt(handle, 0, 2 * 65536);
      try {
        checkState(handle);
        return;
      } catch (cause) {
        if (attempts >= 10 || readAt(handle, 0, 2 * 65536).equals(before)) throw cause;
      }
    }
  } finally {
    fs.closeSync(handle);
  }
};

// libs/stream/src/logFailure.ts
import fs2 from "node:fs";
import path from "node:path";
var meanings = [
  [/permission denied|not permitted|read-only|EACCES|EPERM|EROFS/i, "Check the rights there.", false],
  [
    /damaged|corrupt|invalid|page not found|LMDB file/i,
    "Restore the file from a copy, or begin anew in another folder (--data).",
    true
  ]
];
var freeSpace = (file) => {
  try {
    const { bavail, bsize } = fs2.statfsSync(path.dirname(file));
    return `${Math.floor(bavail * bsize / 2 ** 20)} MiB are free`;
  } catch {
    return "its free space is not known";
  }
};
var logFailure = (doing, file, cause) => {
  const text = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
  if (/input\/output error|EIO|no space left|quota|ENOSPC|EDQUOT|file too large|EFBIG/i.test(text)) {
    return new EventLogUnavailable({
      message: `Cannot ${doing} ${file}: the disk did not take it. It may be full (${freeSpace(file)}), over a quota or a limit of file size, or faulty. What was acknowledged is safe.`,
      retryable: true,
      cause
    });
  }
  const [, advice, damaged2] = meanings.find(([pattern]) => pattern.test(text)) ?? [void 0, "", false];
  return new EventLogUnavailable({
    message: `Cannot ${doing} ${file}: ${text}. ${advice}`.trim(),
    retryable: false,
    damaged: damaged2,
    cause
  });
};
var logDamaged = (file, what) => new EventLogUnavailable({
  message: `${file} is damaged: ${what} not what was written. Restore the file from a copy, or begin anew in another folder (--data).`,
  retryable: false,
  damaged: true
});
var commitErrorOf = async (error) => {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
};

// libs/stream/src/lmdbTable.ts
var format = 2;
var openTable = (options, file) => {
  fs3.mkdirSync(options.path, { recursive: true });
  checkLmdbFile(file);
  return open({
    path: options.path,
    noSubdir: false,
    encoding: "binary",
    overlappingSync: false
  });
};
var readNote = (table, file, key) => {
  const bytes = table.get(key);
  return bytes === void 0 ? void 0 : noteOf(bytes, file, key);
};
var noteOf = (bytes, file, key) => {
  const text = decodeNote(bytes);
  if (text === void 0) throw logDamaged(file, `the note ${key.join("/")} is`);
  return JSON.parse(text);
};
var writeNote = (table, key, value) => void table.put(key, encodeNote(JSON.stringify(value)));
var describe = (table, options, file) => {
  if (table.get(["log"]) === void 0) {
    table.transactionSync(() => {
      if (table.get(["log"]) !== void 0) return;
      if (table.getKeysCount({ limit: 1 }) > 0) throw logDamaged(file, "its description is");
      writeNote(table, ["log"], { format, partitions: options.partitions ?? 2 });
    });
  }
  const description = readNote(table, file, ["log"]);
  if (description.format > format) {
    throw new UserError({
      message: `${file} was written by a newer Musify (log format ${description.format}; this one knows ${format}). Nothing was touched: use that release, or another folder (--data).`,
      exitCode: 2
    });
  }
  if (options.partitions !== void 0 && options.partitions !== description.partitions) {
    throw new UserError({
      message: `The log in ${file} has ${description.partitions} partitions per topic, but ${options.partitions} were asked for. That is fixed when a log is made: leave the setting out, or use another folder (--data).`,
      exitCode: 2
    });
  }
  if (description.format < format) {
    table.transactionSync(() => writeNote(table, ["log"], { ...description, format }));
  }
  return description.partitions;
};
var last = Number.MAX_SAFE_INTEGER;
var batchKeyAt = (table, topic, partition, offset) => {
  const range = {
    start: ["batch", topic, partition, offset, last],
    end: ["batch", topic, partition],
    reverse: true,
    limit: 1
  };
  for (const key of table.getKeys(range)) return key;
  return void 0;
};
var rangeOf = (table, file, topic, partition) => {
  const noted = readNote(table, file, ["range", topic, partition]) ?? {
    start: 0,
    end: 0
  };
  const newest = batchKeyAt(table, topic, partition, last);
  const found = newest === void 0 ? noted.start : Number(newest[3]) + Number(newest[4]);
  if (found !== noted.end) throw logDamaged(file, `the last records of ${topic}/${partition} are`);
  return noted;
};
var segmentOf = (key) => key.length > 5 ? Number(key[5]) : void 0;

// libs/runtime/src/directAccess.ts
import { Buffer as Buffer3 } from "node:buffer";
import fs4 from "node:fs";
var pageBytes = 4096;
var wholePages = (bytes) => Math.ceil(bytes / pageBytes) * pageBytes;
var pageMemory = (bytes) => Buffer3.from(new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) }).buffer, 0, wholePages(bytes));
var openDirect = (file, access) => {
  const { O_DIRECT, O_RDONLY, O_WRONLY } = fs4.constants;
  if (O_DIRECT === void 0) return void 0;
  try {
    return fs4.openSync(file, ((access === "read" ? O_RDONLY : O_WRONLY) ?? 0) | O_DIRECT);
  } catch {
    return void 0;
  }
};
var isRefused = (cause) => cause.code === "EINVAL";

// libs/stream/src/segments.ts
import { Buffer as Buffer4 } from "node:buffer";
import fs5 from "node:fs";
import path2 from "node:path";
import { promisify } from "node:util";
var write = promisify(fs5.write);
var fdatasync = promisify(fs5.fdatasync);
var fileOf = (folder, segment) => path2.join(folder, `${String(segment).padStart(8, "0")}.segment`);
var SegmentWriter = class {
  number;
  /** Where the next write goes. A writer may go back to where it was before writes that nobody knows of. */
  position = 0;
  descriptor;
  isDirect;
  /** Makes the segment's file, which must not be there. */
  constructor(folder, segment) {
    this.number = segment;
    fs5.mkdirSync(folder, { recursive: true });
    const file = fileOf(folder, segment);
    this.descriptor = fs5.openSync(file, "wx");
    const direct = openDirect(file, "write");
    this.isDirect = direct !== void 0;
    if (direct !== void 0) {
      fs5.closeSync(this.descriptor);
      this.descriptor = direct;
    }
    const directory = fs5.openSync(folder, "r");
    fs5.fsyncSync(directory);
    fs5.closeSync(directory);
    this.file = file;
  }
  file;
  /** Appends the first `bytes` bytes of `memory` (`pageMemory`, filled up with zeros to whole pages). */
  async write(memory, bytes) {
    const end = wholePages(bytes);
    memory.fill(0, bytes, end);
    for (let from = 0; from < end; ) {
      try {
        const { bytesWritten } = await write(this.descriptor, memory, from, end - from, this.position + from);
        from += bytesWritten;
      } catch (cause) {
        if (!this.isDirect || !isRefused(cause)) throw cause;
        fs5.closeSync(this.descriptor);
        this.isDirect = false;
        this.descriptor = fs5.openSync(this.file, "r+");
      }
    }
    this.position += end;
  }
  /** Waits until everything written is on the disk. */
  sync() {
    return fdatasync(this.descriptor);
  }
  close() {
    fs5.closeSync(this.descriptor);
  }
};
var openSegments = 8;
var SegmentReader = class {
  folder;
  memory = pageMemory(1 << 20);
  /** Descriptors by segment, the one used last at the end. */
  open = /* @__PURE__ */ new Map();
  constructor(folder) {
    this.folder = folder;
  }
  /** Name of a segment's file. */
  fileOf(segment) {
    return fileOf(this.folder, segment);
  }
  /** The bytes at a place; fewer when the segment ends before. Fails with ENOENT when it is not there. */
  read(segment, { at, bytes }) {
    const skipped = at % pageBytes;
    const wanted = wholePages(skipped + bytes);
    if (this.memory.length < wanted) this.memory = pageMemory(wanted);
    let got = 0;
    while (got < skipped + bytes) {
      const read = this.readPages(segment, got, wanted - got, at - skipped + got);
      if (read === 0) break;
      got += read;
    }
    return Buffer4.from(this.memory.subarray(skipped, Math.min(skipped + bytes, got)));
  }
  close() {
    for (const { descriptor } of this.open.values()) fs5.closeSync(descriptor);
    this.open.clear();
  }
  readPages(segment, into, bytes, at) {
    const { descriptor, isDirect } = this.descriptorOf(segment);
    try {
      return fs5.readSync(descriptor, this.memory, into, bytes, at);
    } catch (cause) {
      if (!isDirect || !isRefused(cause)) throw cause;
      fs5.closeSync(descriptor);
      this.open.set(segment, { descriptor: fs5.openSync(this.fileOf(segment), "r"), isDirect: false });
      return this.readPages(segment, into, bytes, at);
    }
  }
  descriptorOf(segment) {
    const known = this.open.get(segment);
    if (known !== void 0) {
      this.open.delete(segment);
      this.open.set(segment, known);
      return known;
    }
    for (const [oldest, { descriptor }] of this.open) {
      if (this.open.size < openSegments) break;
      fs5.closeSync(descriptor);
      this.open.delete(oldest);
    }
    const file = this.fileOf(segment);
    const direct = openDirect(file, "read");
    const made = direct === void 0 ? { descriptor: fs5.openSync(file, "r"), isDirect: false } : { descriptor: direct, isDirect: true };
    this.open.set(segment, made);
    return made;
  }
};
var removeSegments = (folder, isKnown) => {
  if (!fs5.existsSync(folder)) return;
  for (const name of fs5.readdirSync(folder)) {
    if (name.endsWith(".segment") && !isKnown(Number.parseInt(name, 10))) fs5.rmSync(path2.join(folder, name));
  }
};

// libs/stream/src/segmentAppends.ts
var longestSegment = 1 << 30;
var stageBytes = 4 << 20;
var bytesOf = (batches) => {
  let bytes = 0;
  for (const { records } of batches) bytes += bytesBetween(records, 0, records.count);
  return bytes;
};
var LogMoved = class extends Error {
};
var SegmentAppends = class {
  table;
  file;
  folder;
  maxStoredBytes;
  segment;
  stage;
  constructor(table, file, folder, maxStoredBytes2) {
    this.table = table;
    this.file = file;
    this.folder = folder;
    this.maxStoredBytes = maxStoredBytes2;
  }
  /** As `EventLogService.append`. */
  async append(batches, now) {
    for (; ; ) {
      const segment = await this.current();
      const before = segment.position;
      try {
        return await this.appendTo(segment, batches, now);
      } catch (cause) {
        if (cause instanceof LogMoved || cause instanceof UnexpectedOffset) segment.position = before;
        else this.close();
        if (!(cause instanceof LogMoved)) throw cause;
      }
    }
  }
  close() {
    this.segment?.close();
    this.segment = void 0;
  }
  async appendTo(segment, batches, now) {
    const { file, table } = this;
    table.resetReadTxn();
    const ends = /* @__PURE__ */ new Map();
    const bases = [];
    const stored = [];
    let stage = this.stage ??= pageMemory(stageBytes);
    let staged = 0;
    for (const { expectedOffset, partition, records, topic } of batches) {
      const name = `${topic}/${partition}`;
      const base = ends.get(name) ?? rangeOf(table, file, topic, partition).end;
      if (expectedOffset !== void 0 && expectedOffset !== base)
        throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: base });
      bases.push(base);
      ends.set(name, base + records.count);
      for (let from = 0; from < records.count; ) {
        const to = cutAt(records, from, this.maxStoredBytes);
        const bytes = encodedBytes(records, from, to);
        if (staged + bytes > stage.length) {
          await segment.write(stage, staged);
          staged = 0;
          if (bytes > stage.length) stage = this.stage = pageMemory(bytes);
        }
        const place = { at: segment.position + staged, bytes };
        stored.push([["batch", topic, partition, base + from, to - from, segment.number], place]);
        staged = encodeBatchInto(stage, staged, records, from, to, base + from, now);
        from = to;
      }
    }
    await segment.write(stage, staged);
    await segment.sync();
    await table.childTransaction(() => {
      if (table.get(["segment", segment.number]) === void 0) {
        this.close();
        throw new LogMoved();
      }
      batches.forEach(({ partition, topic }, i) => {
        const name = `${topic}/${partition}`;
        if (batches.findIndex((one) => `${one.topic}/${one.partition}` === name) !== i) return;
        const { end, start } = rangeOf(table, file, topic, partition);
        if (end !== bases[i]) throw new LogMoved();
        writeNote(table, ["range", topic, partition], { start, end: ends.get(name) });
      });
      for (const [key, place] of stored) writeNote(table, key, place);
    });
    return bases;
  }
  /** The segment of this process, made when there is none or the last one is long. */
  async current() {
    if (this.segment !== void 0 && this.segment.position < longestSegment) return this.segment;
    this.close();
    const { file, table } = this;
    const number = await table.childTransaction(() => {
      const next = readNote(table, file, ["segments"]) ?? 0;
      writeNote(table, ["segments"], next + 1);
      writeNote(table, ["segment", next], {});
      return next;
    });
    return this.segment = new SegmentWriter(this.folder, number);
  }
};

// libs/stream/src/soleMember.ts
var soleMember = ({ partitions, read }) => Effect_exports.gen(function* () {
  const all = [];
  for (const topic of topics) {
    const count = yield* partitions(topic);
    for (let partition = 0; partition < count; partition++) all.push({ topic, partition });
  }
  const assignments = yield* Effect_exports.acquireRelease(
    Mailbox_exports.make(),
    (mailbox) => mailbox.shutdown
  );
  yield* assignments.offer(all);
  return { assignments, read };
});

// libs/stream/src/LmdbEventLog.ts
var maxStoredBytes = 1 << 20;
var defaultSegmentBytes = 256 * 1024;
var isTagged = (cause) => cause instanceof UnexpectedOffset || cause instanceof OffsetOutOfRange || cause instanceof EventLogUnavailable;
var makeService = (table, file, partitions, segments) => {
  const checkPartition = (topic, partition) => {
    if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return;
    throw new EventLogUnavailable({
      message: `${topic} has no partition ${partition}: the log in ${file} has partitions 0 to ${partitions - 1}.`,
      retryable: false
    });
  };
  const asError = (doing) => (cause) => isTagged(cause) ? cause : logFailure(doing, file, cause);
  const looking = (look) => Effect_exports.try({ try: look, catch: asError("read the log in") });
  const writing = (write2) => Effect_exports.uninterruptible(
    Effect_exports.tryPromise({
      try: () => write2().catch(async (error) => {
        throw await commitErrorOf(error);
      }),
      catch: asError("write to the log in")
    })
  );
  const changing = (change) => writing(() => table.childTransaction(change));
  const appendOne = ({ expectedOffset, partition, records, topic }, now) => {
    const { start, end: base } = rangeOf(table, file, topic, partition);
    if (expectedOffset !== void 0 && expectedOffset !== base) {
      throw new UnexpectedOffset({ topic, partition, expected: expectedOffset, found: base });
    }
    for (let from = 0; from < records.count; ) {
      const to = cutAt(records, from, maxStoredBytes);
      const key = ["batch", topic, partition, base + from, to - from];
      void table.put(key, encodeBatch(records, from, to, base + from, now));
      from = to;
    }
    if (records.count > 0) writeNote(table, ["range", topic, partition], { start, end: base + records.count });
    return base;
  };
  const storedAt = (key, value) => {
    const segment = segmentOf(key);
    if (segment === void 0) return value;
    try {
      return segments.reader.read(segment, noteOf(value, file, key));
    } catch (cause) {
      if (cause.code !== "ENOENT") throw cause;
      throw logDamaged(segments.reader.fileOf(segment), "it is missing, which is");
    }
  };
  const batchesFrom = function* (topic, partition, offset) {
    const first = batchKeyAt(table, topic, partition, offset);
    const range = { start: first ?? ["batch", topic, partition], end: ["batch", topic, partition, last] };
    let next;
    for (const { key, value } of table.getRange(range)) {
      const [base, count] = [Number(key[3]), Number(key[4])];
      const batch = decodeBatch(storedAt(key, value), base, count);
      if (batch === void 0 || (next === void 0 ? base + count <= offset : base !== next)) {
        const segment = segmentOf(key);
        throw logDamaged(
          segment === void 0 ? file : segments.reader.fileOf(segment),
          `the records of ${topic}/${partition} around offset ${base} are`
        );
      }
      next = base + count;
      yield batch;
    }
  };
  const oneLarge = Effect_exports.unsafeMakeSemaphore(1);
  const log = {
    partitions: () => Effect_exports.succeed(partitions),
    join: () => soleMember(log),
    append: (batches) => Effect_exports.flatMap(
      Clock_exports.currentTimeMillis,
      (now) => bytesOf(batches) >= segments.leastBytes ? oneLarge.withPermits(1)(
        writing(async () => {
          for (const { partition, topic } of batches) checkPartition(topic, partition);
          return segments.appends.append(batches, now);
        })
      ) : changing(() => {
        for (const { partition, topic } of batches) checkPartition(topic, partition);
        return batches.map((batch) => appendOne(batch, now));
      })
    ),
    read: (topic, partition, offset, maxBytes) => looking(() => {
      checkPartition(topic, partition);
      const range = rangeOf(table, file, topic, partition);
      if (!(offset >= range.start && offset <= range.end)) {
        throw new OffsetOutOfRange({ topic, partition, offset, ...range });
      }
      if (offset === range.end) return joinSlices([]);
      return joinSlices(takeSlices(batchesFrom(topic, partition, offset), offset, maxBytes));
    }),
    range: (topic, partition) => looking(() => {
      checkPartition(topic, partition);
      return rangeOf(table, file, topic, partition);
    }),
    commit: (group, topic, partition, offset) => changing(() => {
      checkPartition(topic, partition);
      writeNote(table, ["group", group, topic, partition], offset);
    }),
    committed: (group, topic, partition) => looking(() => {
      checkPartition(topic, partition);
      return readNote(table, file, ["group", group, topic, partition]);
    }),
    trim: (topic, partition, beforeOffset) => changing(() => {
      checkPartition(topic, partition);
      const range = rangeOf(table, file, topic, partition);
      const start = Math.min(Math.max(beforeOffset, range.start), range.end);
      writeNote(table, ["range", topic, partition], { start, end: range.end });
      const batches = { start: ["batch", topic, partition], end: ["batch", topic, partition, start] };
      for (const key of [...table.getKeys(batches)]) {
        if (Number(key[3]) + Number(key[4]) <= start) void table.remove(key);
      }
      const used = /* @__PURE__ */ new Set();
      for (const key of table.getKeys({ start: ["batch"], end: ["batch", "~"] })) used.add(segmentOf(key));
      const known = /* @__PURE__ */ new Set();
      for (const key of [...table.getKeys({ start: ["segment"], end: ["segment", last] })]) {
        const segment = Number(key[1]);
        if (used.has(segment)) known.add(segment);
        else void table.remove(key);
      }
      return known;
    }).pipe(
      Effect_exports.flatMap((known) => looking(() => removeSegments(segments.folder, (one) => known.has(one))))
    )
  };
  return log;
};
var makeLmdbEventLog = (options) => {
  const file = path3.join(options.path, "data.mdb");
  const asError = (cause) => cause instanceof UserError || cause instanceof EventLogUnavailable ? cause : logFailure("open the log in", file, cause);
  return Effect_exports.gen(function* () {
    const table = yield* Effect_exports.acquireRelease(
      Effect_exports.try({ try: () => openTable(options, file), catch: asError }),
      (opened) => Effect_exports.promise(() => opened.close())
    );
    const partitions = yield* Effect_exports.try({ try: () => describe(table, options, file), catch: asError });
    const folder = path3.join(options.path, "segments");
    const reader = new SegmentReader(folder);
    const appends = new SegmentAppends(table, file, folder, maxStoredBytes);
    yield* Effect_exports.addFinalizer(
      () => Effect_exports.sync(() => {
        reader.close();
        appends.close();
      })
    );
    return makeService(table, file, partitions, {
      folder,
      reader,
      appends,
      leastBytes: options.segmentBytes ?? defaultSegmentBytes
    });
  });
};
var layer = (options) => Layer_exports.scoped(EventLog, makeLmdbEventLog(options));
export {
  layer,
  makeLmdbEventLog
};
//# sourceMappingURL=LmdbEventLog-7NSTCDE7.mjs.map
