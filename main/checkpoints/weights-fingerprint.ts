// Tells whether weights are the same without reading all of them: names, shapes and places of every tensor, the sizes
// of the files, and samples of their bytes.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ModelFolder } from './model-folder.ts';

const samples = 64;
const sampleBytes = 65_536;

/** The same for the same weights wherever they lie; reads at most 4 MB a file. */
export function weightsFingerprint(folder: ModelFolder): string {
  const hash = createHash('sha256');
  const tensors = [...folder.weights.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, dtype, shape, byteLength } of tensors)
    hash.update(JSON.stringify([name, dtype, shape, byteLength]));
  for (const file of [...new Set(tensors.map((tensor) => tensor.file))].sort()) {
    const handle = openSync(file, 'r');
    try {
      const { size } = fstatSync(handle);
      hash.update(String(size));
      const block = new Uint8Array(sampleBytes);
      for (let i = 0; i < samples; i++) {
        const at = Math.floor((Math.max(0, size - sampleBytes) * i) / (samples - 1));
        hash.update(block.subarray(0, readSync(handle, block, 0, sampleBytes, at)));
      }
    } finally {
      closeSync(handle);
    }
  }
  return hash.digest('hex');
}
