// Whatever a file holds: either its tensors lie within it and can be read, or there is a UserError.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseSafetensorsHeader } from '../../main/checkpoints/safetensors-header.ts';
import { readSafetensorsHeader, readTensorAsFloat32 } from '../../main/checkpoints/safetensors.ts';
import { UserError } from '../../main/errors.ts';
import { goldensFolder } from '../support/goldens.ts';
import { scratchFolder } from './scratch.ts';

const good = readFileSync(join(goldensFolder, 'safetensors/mixed.safetensors'));
const headerBytes = Number(good.readBigUInt64LE(0));
const headerText = good.toString('latin1', 8, 8 + headerBytes);

/** Numbers in [0, below), the same on every run (xorshift32). */
function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Outcome = 'read' | 'refused';

function outcomeOf(work: () => void): Outcome {
  try {
    work();
    return 'read';
  } catch (error) {
    if (error instanceof UserError) return 'refused';
    throw error;
  }
}

function readsOrRefuses(path: string, bytes: Uint8Array): Outcome {
  writeFileSync(path, bytes);
  return outcomeOf(() => {
    for (const info of readSafetensorsHeader(path).tensors.values()) {
      expect(info.byteOffset).toBeGreaterThanOrEqual(8);
      expect(info.byteOffset + info.byteLength).toBeLessThanOrEqual(bytes.length);
      if (info.dtype === 'F32') expect(readTensorAsFloat32(path, info).byteLength).toBe(info.byteLength);
    }
  });
}

/** The same for a header in memory, before the data of the good file. */
function parsesOrRefuses(json: Uint8Array): Outcome {
  const start = 8 + json.length;
  const end = start + good.length - 8 - headerBytes;
  return outcomeOf(() => {
    const tensors = [...parseSafetensorsHeader(json, end, 'a file').tensors.values()];
    expect(tensors.every(({ byteOffset, byteLength }) => byteOffset >= start && byteOffset + byteLength <= end)).toBe(
      true,
    );
  });
}

test('cut at any byte, a file is refused', () => {
  const path = join(scratchFolder(), 'cut.safetensors');
  for (let length = 0; length < good.length; length++)
    expect(readsOrRefuses(path, good.subarray(0, length)), `cut at ${length}`).toBe('refused');
  expect(readsOrRefuses(path, good)).toBe('read');
});

test('any wrong byte is survived', () => {
  const path = join(scratchFolder(), 'byte.safetensors');
  const random = randomSource(1);
  const changed = (bytes: Uint8Array, i: number): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy[i] = (copy[i] ?? 0) ^ (1 + random(255));
    return copy;
  };
  for (let i = 0; i < 160; i++) expect(readsOrRefuses(path, changed(good, i % 8))).toBe('refused');
  const header = good.subarray(8, 8 + headerBytes);
  let refused = 0;
  for (let i = 0; i < 10 * headerBytes; i++)
    if (parsesOrRefuses(changed(header, i % headerBytes)) === 'refused') refused++;
  // A name or a piece of metadata may change without harm; most of the rest may not.
  expect(refused).toBeGreaterThan(6 * headerBytes);
});

test('noise of any length is survived', () => {
  const path = join(scratchFolder(), 'noise.safetensors');
  const random = randomSource(2);
  for (let i = 0; i < 300; i++) {
    const noise = Uint8Array.from({ length: random(300) }, () => random(256));
    // Half of them get past the first checks: a small header length and an opening brace.
    if (i % 2 && noise.length > 9) noise.set([random(noise.length), 0, 0, 0, 0, 0, 0, 0, 0x7b]);
    expect(readsOrRefuses(path, noise)).toBe('refused');
  }
});

test('tokens of a header in any disorder are survived', () => {
  const random = randomSource(3);
  const tokens = headerText.match(/"[^"]*"|\d+|[^\s]/g) ?? [];
  const wild = [
    '-1',
    '1e999',
    '9007199254740993',
    '18446744073709551615',
    '0.5',
    'null',
    'true',
    '{}',
    '[]',
    '[[]]',
    '""',
    '"__proto__"',
    '"F64"',
    '"\\ud800"',
    ',',
  ];
  let refused = 0;
  for (let i = 0; i < 5000; i++) {
    const changed = [...tokens];
    for (let changes = 1 + random(3); changes > 0; changes--) {
      const [from, to] = [random(changed.length), random(changed.length)];
      const one = [wild[random(wild.length)], changed[from]][random(2)] ?? '';
      changed.splice(to, random(2), ...(random(3) ? [one] : []));
    }
    if (parsesOrRefuses(new TextEncoder().encode(changed.join(''))) === 'refused') refused++;
  }
  expect(refused).toBeGreaterThan(3000);
});

test('absurd nesting and absurd lengths are refused', () => {
  const path = join(scratchFolder(), 'deep.safetensors');
  const length = (bytes: bigint): Buffer => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(bytes);
    return buffer;
  };
  const deep = Buffer.from(`{"a":${'['.repeat(200_000)}`);
  expect(readsOrRefuses(path, Buffer.concat([length(BigInt(deep.length)), deep]))).toBe('refused');
  for (const bytes of [0n, 1n, 99_999_999n, 100_000_001n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 64n - 8n])
    expect(readsOrRefuses(path, Buffer.concat([length(bytes), Buffer.from('{}')])), `${bytes}`).toBe('refused');
});
