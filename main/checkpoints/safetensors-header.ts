// Reads and checks the header of a .safetensors file: eight bytes of length, then JSON. Knows no file system, so that
// any bytes can be tried on it.
import { UserError } from '../errors.ts';

/** Bits of one element, per name in the format; in the order that its reference writer knows, which is one of size. */
// prettier-ignore
const elementBits = {
  BOOL: 8, F4: 4, F6_E2M3: 6, F6_E3M2: 6, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8,
  I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32, C64: 64, F64: 64, I64: 64, U64: 64,
} as const;

export type SafetensorsDType = keyof typeof elementBits;

export type TensorInfo = {
  name: string;
  dtype: SafetensorsDType;
  shape: number[];
  /** From the start of the file. */
  byteOffset: number;
  byteLength: number;
};

export type SafetensorsHeader = { tensors: Map<string, TensorInfo>; metadata: Record<string, string> };

/** The format's own limit: more is a sign that this is not such a file. */
export const maxHeaderBytes = 100_000_000;

/** Place of a type among all: data of later types stands first in a file, so that every tensor is aligned. */
export function dtypeRank(dtype: SafetensorsDType): number {
  return Object.keys(elementBits).indexOf(dtype);
}

/** Bytes of a tensor, or NaN where they are no whole number that JavaScript can count. */
export function tensorBytes(dtype: SafetensorsDType, shape: readonly number[]): number {
  const bytes = (shape.reduce((product, size) => product * size, 1) * elementBits[dtype]) / 8;
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

/**
 * Checks everything that can be checked without the data: JSON, types, shapes against byte ranges, ranges against
 * each other (neither gap nor overlap) and against the size of the file.
 * @param json the header without its length
 * @param fileBytes size of the whole file
 * @throws UserError "safetensors-invalid" or "safetensors-truncated"
 */
export function parseSafetensorsHeader(json: Uint8Array, fileBytes: number, path: string): SafetensorsHeader {
  const { __metadata__: metadata, ...entries } = parseObject(json, path);
  const dataStart = 8 + json.length;
  const tensors = Object.entries(entries).map(([name, entry]) => tensorInfo(name, entry, dataStart, path));
  const header = {
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: checkedMetadata(metadata, path),
  };

  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let end = dataStart;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset !== end)
      throw invalid(
        path,
        `the data of "${name}" ${byteOffset < end ? 'overlaps the tensor before it' : 'leaves a gap before it'}`,
      );
    end += byteLength;
  }
  if (fileBytes < end) {
    const lost = tensors.filter(({ byteOffset, byteLength }) => byteOffset + byteLength > fileBytes);
    throw new UserError({
      code: 'safetensors-truncated',
      message:
        `${path} is cut off: its header describes ${end} bytes, the file has ${fileBytes}. ` +
        `${lost.length} of ${tensors.length} tensors are incomplete, the first is "${lost[0]?.name ?? ''}".`,
      fix: 'Download or copy the file again.',
    });
  }
  if (fileBytes > end) throw invalid(path, `it has ${fileBytes - end} bytes after the last tensor`);
  return header;
}

export function invalid(path: string, what: string, cause?: unknown): UserError {
  return new UserError(
    {
      code: 'safetensors-invalid',
      message: `${path} is not a valid safetensors file: ${what}.`,
      fix: 'Download or copy the file again, or save the model anew with save_pretrained().',
    },
    { cause },
  );
}

function parseObject(json: Uint8Array, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
  } catch (error) {
    throw invalid(path, 'its header is not JSON', error);
  }
  if (!isObject(value)) throw invalid(path, 'its header is not a JSON object');
  return value;
}

function checkedMetadata(value: unknown, path: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) throw invalid(path, '__metadata__ in its header is not an object');
  return Object.fromEntries(
    Object.entries(value).map(([key, text]) => {
      if (typeof text !== 'string') throw invalid(path, `__metadata__ "${key}" in its header is not a string`);
      return [key, text];
    }),
  );
}

function tensorInfo(name: string, entry: unknown, dataStart: number, path: string): TensorInfo {
  if (!isObject(entry)) throw invalid(path, `the header entry of "${name}" is not an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !isDType(dtype))
    throw invalid(path, `"${name}" has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!isCounts(shape)) throw invalid(path, `"${name}" has the impossible shape ${JSON.stringify(shape)}`);
  const [from, to, ...more] = isCounts(offsets) ? offsets : [];
  if (from === undefined || to === undefined || more.length > 0 || to < from)
    throw invalid(path, `"${name}" has the impossible data_offsets ${JSON.stringify(offsets)}`);
  if (tensorBytes(dtype, shape) !== to - from)
    throw invalid(
      path,
      `"${name}" is ${dtype} [${shape.join(', ')}], which are not the ${to - from} bytes that its data_offsets say`,
    );
  return { name, dtype, shape, byteOffset: dataStart + from, byteLength: to - from };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && Number(item) >= 0);
}

function isDType(text: string): text is SafetensorsDType {
  return Object.hasOwn(elementBits, text);
}
