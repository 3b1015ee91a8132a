// TFRecord framing: length, its checksum, the data, its checksum, all little-endian. Knows nothing of what is framed.
import { crc32c } from './crc32c.ts';

/** Rotated and moved, so that a checksum of data that holds checksums is no weaker (TensorFlow's crc32c.h). */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record with `data` in it. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(16 + data.length);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(crc32c(record.subarray(0, 8))), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(crc32c(data)), true);
  return record;
}

/** The data of all whole records. A record that was cut off at the end is left out; a damaged one throws. */
export function readTfRecords(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    if (view.getUint32(at + 8, true) !== masked(crc32c(bytes.subarray(at, at + 8))))
      throw new Error(`damaged length of the record at byte ${at}`);
    const end = at + 12 + length;
    if (end + 4 > bytes.length) break;
    const data = bytes.subarray(at + 12, end);
    if (view.getUint32(end, true) !== masked(crc32c(data))) throw new Error(`damaged record at byte ${at}`);
    records.push(data);
    at = end + 4;
  }
  return records;
}
