// Reads and writes .safetensors files. What a header may say is checked in safetensors-header.ts; what tensors mean is
// left to others. Bytes are little-endian, as on every machine that we run on.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { writeFileAtomically } from './atomic.ts';
import { withFileProblems } from './file-problem.ts';
import { bf16ToFloat32, f16ToFloat32, float32ToBf16, float32ToF16 } from './float-formats.ts';
import { dtypeRank, invalid, maxHeaderBytes, parseSafetensorsHeader, tensorBytes } from './safetensors-header.ts';
import type { SafetensorsDType, SafetensorsHeader, TensorInfo } from './safetensors-header.ts';

export type { SafetensorsDType, SafetensorsHeader, TensorInfo } from './safetensors-header.ts';

/** Names, types, shapes and places of all tensors. Everything but the values is checked. @throws UserError */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  return withOpenFile(path, (file) => {
    const fileBytes = fstatSync(file).size;
    const start = new Uint8Array(Math.min(fileBytes, 64));
    readFully(file, start, 0, path);
    if (fileBytes < 8) throw foreignFile(start, path) ?? cutOff(path, `it has ${fileBytes} bytes`);
    const headerBytes = Number(new DataView(start.buffer).getBigUint64(0, true));
    if (headerBytes > maxHeaderBytes || (fileBytes > 8 && start[8] !== 0x7b))
      throw foreignFile(start, path) ?? invalid(path, 'it does not begin with a header');
    if (8 + headerBytes > fileBytes)
      throw cutOff(path, `its header alone has ${headerBytes} bytes, the file ${fileBytes}`);
    const json = new Uint8Array(headerBytes);
    readFully(file, json, 8, path);
    return parseSafetensorsHeader(json, fileBytes, path);
  });
}

/** Values of an F32, F16 or BF16 tensor, row-major. @throws UserError for another dtype or a file that has shrunk */
export function readTensorAsFloat32(path: string, info: TensorInfo): Float32Array {
  const { dtype, byteOffset, byteLength } = info;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16')
    throw new UserError({
      code: 'unsupported-dtype',
      message: `"${info.name}" in ${path} is stored as ${dtype}; F32, F16 and BF16 can be read.`,
      fix: 'Save it as one of these, for example with model.to(torch.bfloat16).save_pretrained(…).',
    });
  return withOpenFile(path, (file) => {
    if (dtype === 'F32') {
      const values = new Float32Array(byteLength / 4);
      readFully(file, new Uint8Array(values.buffer), byteOffset, path);
      return values;
    }
    const toFloat32 = dtype === 'F16' ? f16ToFloat32 : bf16ToFloat32;
    const values = new Float32Array(byteLength / 2);
    // In pieces, so that the 16-bit copy stays small.
    for (let done = 0; done < values.length; done += pieceElements) {
      const piece = new Uint16Array(Math.min(pieceElements, values.length - done));
      readFully(file, new Uint8Array(piece.buffer), byteOffset + 2 * done, path);
      values.set(toFloat32(piece), done);
    }
    return values;
  });
}

/** The bytes of a tensor as they are stored, whatever its type. @throws UserError for a file that has shrunk */
export function readTensorBytes(path: string, { byteOffset, byteLength }: TensorInfo): Uint8Array<ArrayBuffer> {
  return withOpenFile(path, (file) => {
    const bytes = new Uint8Array(byteLength);
    readFully(file, bytes, byteOffset, path);
    return bytes;
  });
}

const pieceElements = 2 ** 22;

/** Anything whose bytes are the elements; for F16 and BF16 also Float32Array, which is rounded. */
export type TensorValues =
  Float32Array | Float64Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;
export type NewTensor = {
  name: string;
  dtype: SafetensorsDType;
  shape: readonly number[];
  /** A function is called when its tensor is written: so that one tensor at a time needs memory. */
  data: TensorValues | (() => TensorValues);
};

/**
 * Writes the file through to the disk, or leaves everything as it was. Wider types come first and then names in
 * order, so that every tensor is aligned; the data begins at a multiple of 8.
 * @throws UserError "disk-full", "permission-denied" …
 */
export function writeSafetensors(
  path: string,
  tensors: readonly NewTensor[],
  metadata: Record<string, string> = {},
): void {
  const ordered = inFileOrder(tensors);
  writeFileAtomically(path, (write) => {
    write(safetensorsHeader(ordered, metadata));
    for (const tensor of ordered) for (const bytes of bytesOf(tensor)) write(bytes);
  });
}

type Described = Pick<NewTensor, 'name' | 'dtype' | 'shape'>;

/** The order in which their data stands in a file. */
export function inFileOrder<T extends Described>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => dtypeRank(b.dtype) - dtypeRank(a.dtype) || (a.name < b.name ? -1 : 1));
}

/** What stands before the data of tensors in this order: length and header, padded to a multiple of 8. */
export function safetensorsHeader(tensors: readonly Described[], metadata: Record<string, string>): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const entry = { dtype, shape, data_offsets: [end, (end += tensorBytes(dtype, shape))] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (new Set(tensors.map(({ name }) => name)).size < tensors.length) throw new Error('two tensors have the same name');
  if (Object.keys(metadata).length > 0) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${entries.join(',')}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}

function* bytesOf({ name, dtype, shape, data }: NewTensor): Generator<Uint8Array> {
  const values = typeof data === 'function' ? data() : data;
  const rounded = values instanceof Float32Array && (dtype === 'F16' || dtype === 'BF16');
  const byteLength = rounded ? values.length * 2 : values.byteLength;
  if (byteLength !== tensorBytes(dtype, shape))
    throw new Error(`"${name}": ${byteLength} bytes of data for ${dtype} [${shape.join(', ')}]`);
  if (!rounded) {
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return;
  }
  const round = dtype === 'F16' ? float32ToF16 : float32ToBf16;
  for (let done = 0; done < values.length; done += pieceElements)
    yield new Uint8Array(round(values.subarray(done, done + pieceElements)).buffer);
}

function withOpenFile<T>(path: string, work: (file: number) => T): T {
  return withFileProblems(path, 'read', () => {
    const file = openSync(path, 'r');
    try {
      return work(file);
    } finally {
      closeSync(file);
    }
  });
}

function readFully(file: number, into: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < into.length;) {
    const count = readSync(file, into, done, Math.min(into.length - done, 2 ** 30), position + done);
    if (count === 0) throw cutOff(path, `byte ${position + done} is missing`);
    done += count;
  }
}

function cutOff(path: string, why: string): UserError {
  return new UserError({
    code: 'safetensors-truncated',
    message: `${path} is cut off: ${why}.`,
    fix: 'Download or copy the file again.',
  });
}

/** What the first bytes of a file say it is instead. */
function foreignFile(start: Uint8Array, path: string): UserError | undefined {
  const text = Buffer.from(start).toString('latin1');
  const found = (code: string, what: string, fix: string): UserError =>
    new UserError({ code, message: `${path} is ${what}, not a safetensors file.`, fix });
  if (text.startsWith('version https://git-lfs'))
    return found(
      'git-lfs-pointer',
      'a Git LFS pointer (the small text that stands for a large file)',
      'Run `git lfs pull` in its folder, or download the file itself.',
    );
  if (text.startsWith('GGUF'))
    return found('gguf-weights', 'a GGUF file', 'Use the original model with .safetensors files.');
  if (text.startsWith('PK\u0003\u0004')) return found('pytorch-weights', 'a PyTorch (zip) file', pytorchFix);
  if (/^\s*<(!doctype|html|\?xml)/i.test(text))
    return found(
      'not-safetensors',
      'a web page',
      'The download went wrong, perhaps because of a login page: download it again.',
    );
  return undefined;
}

/** How to make safetensors out of a PyTorch model. */
export const pytorchFix =
  'Convert it once with Python: from transformers import AutoModelForCausalLM as M; ' +
  'M.from_pretrained("FOLDER").save_pretrained("NEW_FOLDER"), copy the tokenizer files there, and use NEW_FOLDER.';
