/* CRC-32C (Castagnoli), eight bytes at a time ("slicing by 8", Intel 2006): 3 times as fast as byte by byte. */

const polynomial = 0x82f63b78

const tables: ReadonlyArray<Int32Array> = Array.from({ length: 8 }, () => new Int32Array(256))
for (let i = 0; i < 256; i++) {
  let crc = i
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
  tables[0][i] = crc
}
for (let t = 1; t < 8; t++) {
  for (let i = 0; i < 256; i++) {
    const before = tables[t - 1][i]
    tables[t][i] = (before >>> 8) ^ tables[0][before & 255]
  }
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables

/** The CRC-32C of bytes `from` to `to` (exclusive), unsigned. */
export const crc32c = (bytes: Uint8Array, from = 0, to = bytes.length): number => {
  let crc = -1
  let i = from
  for (; i + 8 <= to; i += 8) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    crc =
      t7[crc & 255] ^
      t6[(crc >>> 8) & 255] ^
      t5[(crc >>> 16) & 255] ^
      t4[crc >>> 24] ^
      t3[bytes[i + 4]] ^
      t2[bytes[i + 5]] ^
      t1[bytes[i + 6]] ^
      t0[bytes[i + 7]]
  }
  for (; i < to; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]) & 255]
  return ~crc >>> 0
}
