// The smallest shared library of Linux that names others it needs: a header, two segments, a dynamic section, strings.
export function elfNeeding(names: readonly string[]): Buffer {
  const strings = Buffer.from(`\0${names.join('\0')}\0`, 'latin1');
  const dynamicAt = 64 + 2 * 56;
  const entries = names.map((name): [number, number] => [1, strings.indexOf(`${name}\0`, 0, 'latin1')]);
  const stringsAt = dynamicAt + 16 * (names.length + 3);
  const table: [number, number][] = [...entries, [5, 0x1000 + stringsAt], [10, strings.length], [0, 0]];
  const head = Buffer.alloc(stringsAt);
  head.write('\x7fELF\x02\x01\x01', 'latin1');
  head.writeBigUInt64LE(64n, 32); // where the segments stand
  head.writeUInt16LE(2, 56); // how many
  // Loaded elsewhere than it lies, so that a reader must not take addresses for places in the file.
  segment(64, 1, 0, 0x1000, stringsAt + strings.length);
  segment(120, 2, dynamicAt, 0x1000 + dynamicAt, 16 * table.length);
  table.forEach(([tag, value], i) => {
    head.writeBigUInt64LE(BigInt(tag), dynamicAt + 16 * i);
    head.writeBigUInt64LE(BigInt(value), dynamicAt + 16 * i + 8);
  });
  return Buffer.concat([head, strings]);

  function segment(at: number, type: number, fileAt: number, address: number, bytes: number): void {
    head.writeUInt32LE(type, at);
    head.writeBigUInt64LE(BigInt(fileAt), at + 8);
    head.writeBigUInt64LE(BigInt(address), at + 16);
    head.writeBigUInt64LE(BigInt(bytes), at + 32);
  }
}
