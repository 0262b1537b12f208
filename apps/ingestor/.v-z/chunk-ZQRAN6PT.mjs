import { createRequire as bundleRequire } from "node:module"; const require = bundleRequire(import.meta.url);

// libs/domain/src/RecordBatch.ts
var bytesAt = (column, index) => column.nulls !== void 0 && column.nulls[index] === 1 ? null : column.data.subarray(index === 0 ? 0 : column.ends[index - 1], column.ends[index]);
var bytesColumn = (values) => {
  const ends = new Int32Array(values.length);
  const nulls = new Uint8Array(values.length);
  let size = 0;
  let anyNull = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null) {
      nulls[i] = 1;
      anyNull = true;
    } else size += value.length;
    ends[i] = size;
  }
  const data = new Uint8Array(size);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== null) data.set(value, ends[i] - value.length);
  }
  return anyNull ? { data, ends, nulls } : { data, ends };
};

// libs/domain/src/recordHeaders.ts
var encoder = new TextEncoder();
var decoder = new TextDecoder();
var decodeHeaders = (bytes) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers = [];
  let at = 0;
  const take = () => {
    const start = at + 4;
    at = start + view.getUint32(at, true);
    return bytes.subarray(start, at);
  };
  while (at < bytes.length) headers.push([decoder.decode(take()), take()]);
  return headers;
};

export {
  bytesAt,
  bytesColumn,
  decodeHeaders
};
//# sourceMappingURL=chunk-ZQRAN6PT.mjs.map
