// Reads tensors of a GGUF file: as they are stored, or as float32.
import { closeSync, openSync, readSync } from 'node:fs';
import { withFileProblems } from '../file-problem.ts';
import type { GgufTensor } from './header.ts';
import { ggufCutOff } from './problems.ts';

type Range = { byteOffset: number; byteLength: number };

/** Bytes of the file. @throws UserError "gguf-truncated" for a file that has shrunk */
export function readGgufBytes(path: string, { byteOffset, byteLength }: Range): Uint8Array {
  return withFileProblems(path, 'read', () => {
    const file = openSync(path, 'r');
    try {
      const bytes = new Uint8Array(byteLength);
      for (let done = 0; done < byteLength;) {
        const read = readSync(file, bytes, done, byteLength - done, byteOffset + done);
        if (read === 0) throw ggufCutOff(path, `it ends at byte ${byteOffset + done}, and did not when it was opened`);
        done += read;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  });
}

/** Values of a tensor, or of `count` elements of it from `first` on, which begin and end with a block. */
export function readGgufTensor({ path, type, shape, byteOffset }: GgufTensor, first = 0, count?: number): Float32Array {
  const elements = count ?? shape.reduce((product, size) => product * size, 1);
  if (!type.read || first % type.elements !== 0 || elements % type.elements !== 0)
    throw new Error(`${type.name}: elements ${first} to ${first + elements} are no whole blocks that can be read`);
  const values = new Float32Array(elements);
  const bytesOf = (count: number): number => (count / type.elements) * type.bytes;
  type.read(readGgufBytes(path, { byteOffset: byteOffset + bytesOf(first), byteLength: bytesOf(elements) }), values);
  return values;
}
