// Reads and checks what stands before the data of a GGUF file: metadata, and the names, types, shapes and places of all
// tensors (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3).
import { closeSync, fstatSync, openSync } from 'node:fs';
import { fileProblem } from '../file-problem.ts';
import { blockTypes, type BlockType } from './block-types.ts';
import { FileCursor } from './file-cursor.ts';
import { ggufCutOff, ggufInvalid, ggufUnsupported, otherFileFix } from './problems.ts';

export type GgufValue = number | bigint | boolean | string | GgufValue[];

export type GgufTensor = {
  name: string;
  /** The file that holds it: a model may lie in several. */
  path: string;
  type: BlockType;
  /** Rows first, as everywhere but in the file: [out, in]. */
  shape: number[];
  /** From the start of the file. */
  byteOffset: number;
  byteLength: number;
};

export type GgufHeader = {
  path: string;
  fileBytes: number;
  /** Bytes before the data. */
  headerBytes: number;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, GgufTensor>;
};

// Far above those of any model, so that nonsense is not allocated.
const mostEntries = 65_536;
const mostElements = 4_194_304;
const mostNameBytes = 65_535;
const mostStringBytes = 16 * 2 ** 20;
/** Of all metadata together. */
const mostMetadataBytes = 512 * 2 ** 20;

/** @throws UserError "gguf-invalid", "gguf-truncated", "gguf-unsupported", which say where in the file */
export function readGgufHeader(path: string): GgufHeader {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return parseHeader(new FileCursor(file, fstatSync(file).size, path));
  } catch (error) {
    throw fileProblem(error, path, 'read');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function parseHeader(cursor: FileCursor): GgufHeader {
  const { path, fileBytes } = cursor;
  const magic = cursor.left < 8 ? undefined : cursor.u32();
  if (magic !== 0x46554747) throw ggufInvalid(path, 0, 'it does not begin with "GGUF"');
  const version = cursor.u32();
  if (version !== 0 && (version & 0xffff) === 0)
    throw ggufUnsupported(path, 'it is a big-endian file', 'Take the usual, little-endian file of the model.');
  if (version !== 2 && version !== 3)
    throw ggufUnsupported(path, `it is of version ${version}; 2 and 3 can be read`, 'Take a newer file of the model.');
  const tensorCount = cursor.count('the number of tensors', mostEntries);
  const entryCount = cursor.count('the number of metadata entries', mostEntries);
  const metadata = readMetadata(cursor, entryCount);
  const described = Array.from({ length: tensorCount }, () => readTensor(cursor));
  const dataStart = aligned(cursor.offset, alignmentOf(metadata, cursor));
  return {
    path,
    fileBytes,
    headerBytes: cursor.offset,
    metadata,
    tensors: placed(described, { dataStart, alignment: alignmentOf(metadata, cursor), fileBytes, path }),
  };
}

function readMetadata(cursor: FileCursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const at = cursor.offset;
    const key = cursor.string('a metadata key', mostNameBytes);
    if (metadata.has(key)) throw ggufInvalid(cursor.path, at, `the key ${JSON.stringify(key)} stands twice`);
    metadata.set(key, readValue(cursor, cursor.u32(), key));
    if (cursor.offset > mostMetadataBytes)
      throw ggufInvalid(cursor.path, at, `the metadata goes on beyond ${mostMetadataBytes} bytes`);
  }
  return metadata;
}

const arrayType = 9;
const stringType = 8;
const scalars: Readonly<Record<number, { bytes: number; read: (cursor: FileCursor) => number | bigint | boolean }>> = {
  0: { bytes: 1, read: (cursor) => cursor.u8() },
  1: { bytes: 1, read: (cursor) => cursor.i8() },
  2: { bytes: 2, read: (cursor) => cursor.u16() },
  3: { bytes: 2, read: (cursor) => cursor.i16() },
  4: { bytes: 4, read: (cursor) => cursor.u32() },
  5: { bytes: 4, read: (cursor) => cursor.i32() },
  6: { bytes: 4, read: (cursor) => cursor.f32() },
  7: { bytes: 1, read: (cursor) => cursor.u8() !== 0 },
  10: { bytes: 8, read: (cursor) => cursor.u64() },
  11: { bytes: 8, read: (cursor) => cursor.i64() },
  12: { bytes: 8, read: (cursor) => cursor.f64() },
};

function readValue(cursor: FileCursor, type: number, key: string, depth = 0): GgufValue {
  const scalar = scalars[type];
  if (scalar) return scalar.read(cursor);
  if (type === stringType) return cursor.string(`the value of ${key}`, mostStringBytes);
  if (type !== arrayType || depth > 3)
    throw ggufInvalid(cursor.path, cursor.offset - 4, `${key} is of the unknown type ${type}`);
  const elementType = cursor.u32();
  const at = cursor.offset;
  const count = cursor.count(`the number of elements of ${key}`, mostElements);
  const least = scalars[elementType]?.bytes ?? 8;
  if (count * least > cursor.left)
    throw ggufCutOff(cursor.path, `${key} at byte ${at} has ${count} elements, and ${cursor.left} bytes are left`);
  return Array.from({ length: count }, () => readValue(cursor, elementType, key, depth + 1));
}

type Described = GgufTensor & { at: number };

/** byteOffset is still from the start of the data. */
function readTensor(cursor: FileCursor): Described {
  const { path, offset: at } = cursor;
  const name = cursor.string('a tensor name', mostNameBytes);
  const wrong = (what: string): Error => ggufInvalid(path, at, `the tensor ${JSON.stringify(name)} has ${what}`);
  const dimensions = cursor.u32();
  if (dimensions < 1 || dimensions > 4) throw wrong(`${dimensions} dimensions`);
  const sizes = Array.from({ length: dimensions }, () => cursor.count(`a size of ${name}`, Number.MAX_SAFE_INTEGER));
  const number = cursor.u32();
  const type = blockTypes.get(number);
  if (!type)
    throw ggufUnsupported(
      path,
      `the tensor ${name} (byte ${at}) is of type ${number}, which is not known here`,
      otherFileFix,
    );
  const width = sizes[0] ?? 0;
  const elements = sizes.reduce((product, size) => product * size, 1);
  if (elements < 1 || !Number.isSafeInteger(elements)) throw wrong(`the impossible shape [${sizes.join(', ')}]`);
  if (width % type.elements !== 0)
    throw wrong(`rows of ${width} elements, no multiple of the ${type.elements} that make a block of ${type.name}`);
  const byteOffset = cursor.count(`the offset of ${name}`, Number.MAX_SAFE_INTEGER);
  const byteLength = (elements / type.elements) * type.bytes;
  return { name, path, type, shape: sizes.reverse(), byteOffset, byteLength, at };
}

type Data = { dataStart: number; alignment: number; fileBytes: number; path: string };

/** Tensors with their places in the file, which lie apart from each other and within it. */
function placed(described: readonly Described[], { dataStart, alignment, fileBytes, path }: Data) {
  const tensors = new Map<string, GgufTensor>();
  for (const { at, ...tensor } of described) {
    if (tensors.has(tensor.name)) throw ggufInvalid(path, at, `the tensor ${JSON.stringify(tensor.name)} stands twice`);
    if (tensor.byteOffset % alignment !== 0)
      throw ggufInvalid(path, at, `${tensor.name} begins at ${tensor.byteOffset}, no multiple of ${alignment}`);
    tensors.set(tensor.name, { ...tensor, byteOffset: dataStart + tensor.byteOffset });
  }
  const inOrder = [...tensors.values()].sort((a, b) => a.byteOffset - b.byteOffset);
  let end = dataStart;
  for (const { name, byteOffset, byteLength } of inOrder) {
    if (byteOffset < end) throw ggufInvalid(path, byteOffset, `the data of ${name} overlaps the tensor before it`);
    end = byteOffset + byteLength;
  }
  if (end <= fileBytes) return tensors;
  const lost = inOrder.filter(({ byteOffset, byteLength }) => byteOffset + byteLength > fileBytes);
  throw ggufCutOff(
    path,
    `its header describes ${end} bytes, the file has ${fileBytes}. ${lost.length} of ${tensors.size} tensors are incomplete, the first is ${lost[0]?.name ?? ''}`,
  );
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, { path, offset }: FileCursor): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  if (typeof alignment === 'number' && alignment >= 8 && alignment <= 2 ** 20 && Number.isInteger(Math.log2(alignment)))
    return alignment;
  throw ggufInvalid(path, offset, `general.alignment is ${String(alignment)}, no power of two from 8`);
}

const aligned = (offset: number, alignment: number): number => Math.ceil(offset / alignment) * alignment;
