// Writes small GGUF headers by the specification, right and wrong ones, for tests of what reads them.

export type Value =
  | { u32: number }
  | { u64: bigint }
  | { f32: number }
  | { bool: boolean }
  | { text: string }
  | { texts: readonly string[] }
  | { numbers: readonly number[] }
  | { floats: readonly number[] };
export type Tensor = { name: string; sizes: readonly (number | bigint)[]; type: number; offset: number | bigint };

export type Parts = {
  magic?: string;
  version?: number;
  metadata?: Readonly<Record<string, Value>>;
  tensors?: readonly Tensor[];
  /** Instead of the real numbers of tensors and entries. */
  counts?: readonly [tensors: bigint, entries: bigint];
  /** Bytes after the header, which is padded to 32. */
  data?: number;
};

export function ggufBytes({
  magic = 'GGUF',
  version = 3,
  metadata = {},
  tensors = [],
  counts,
  data = 0,
}: Parts): Buffer {
  const entries = Object.entries(metadata);
  const [tensorCount, entryCount] = counts ?? [BigInt(tensors.length), BigInt(entries.length)];
  const header = Buffer.concat([
    Buffer.from(magic),
    u32(version),
    u64(tensorCount),
    u64(entryCount),
    ...entries.map(([key, value]) => Buffer.concat([text(key), valueBytes(value)])),
    ...tensors.map(({ name, sizes, type, offset }) =>
      Buffer.concat([
        text(name),
        u32(sizes.length),
        ...sizes.map((size) => u64(BigInt(size))),
        u32(type),
        u64(BigInt(offset)),
      ]),
    ),
  ]);
  return Buffer.concat([header, Buffer.alloc((32 - (header.length % 32)) % 32), Buffer.alloc(data)]);
}

function valueBytes(value: Value): Buffer {
  if ('u32' in value) return Buffer.concat([u32(4), u32(value.u32)]);
  if ('u64' in value) return Buffer.concat([u32(10), u64(value.u64)]);
  if ('f32' in value) return Buffer.concat([u32(6), f32(value.f32)]);
  if ('bool' in value) return Buffer.concat([u32(7), Buffer.from([value.bool ? 1 : 0])]);
  if ('text' in value) return Buffer.concat([u32(8), text(value.text)]);
  if ('texts' in value) return list(8, value.texts.map(text));
  if ('numbers' in value) return list(5, value.numbers.map(u32));
  return list(6, value.floats.map(f32));
}

const list = (type: number, items: readonly Buffer[]): Buffer =>
  Buffer.concat([u32(9), u32(type), u64(BigInt(items.length)), ...items]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

function u64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}
