// Rows come back from disk as they went in, in any order and of any size.
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, truncateSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { FingerprintSet, fingerprintOf } from '../../main/data/fingerprint-set.ts';
import { openTokenStore, packRow, tokenStoreWriter } from '../../main/data/token-store.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const folder = tempFolder();

test('rows, places and the report', () => {
  const path = join(folder.path, 'store');
  const writer = tokenStoreWriter(path);
  // The second row is larger than the writer's buffer.
  const rows = [[5, 2_000_000_000, 7], Array.from({ length: 300_000 }, (_, i) => i), [], [1]];
  for (const [i, ids] of rows.entries()) {
    const trained = ids.map((id) => Number(id % 3 === 0));
    writer.add(packRow(ids, trained), [trained.filter((bit) => bit === 1).length], {
      file: i < 2 ? 'a' : 'b',
      line: i + 10,
      fullLength: ids.length + i,
      isDuplicate: i === 3,
    });
  }
  expect(openTokenStore(path)).toBeUndefined();
  writer.finish({ seen: 4 }, [
    [1, 2],
    [9, 1],
  ]);
  const store = openTokenStore(path);
  expect(store?.report).toEqual({ seen: 4 });
  const dataset = store?.dataset;
  expect(dataset?.lengths).toEqual([
    [1, 2],
    [9, 1],
  ]);
  for (const i of [3, 1, 0, 2]) {
    const ids = rows[i] ?? [];
    expect(Array.from(dataset?.read(i).inputIds ?? []).join()).toBe(ids.join());
    expect(Array.from(dataset?.read(i).trained ?? []).join()).toBe(ids.map((id) => Number(id % 3 === 0)).join());
    expect(dataset?.tokenCount(i)).toBe(ids.length);
    expect(dataset?.trainedCount(i)).toBe(ids.filter((id) => id % 3 === 0).length);
    expect(dataset?.place(i)).toEqual({ file: i < 2 ? 'a' : 'b', line: i + 10 });
    expect([dataset?.fullLength(i), dataset?.isDuplicate(i)]).toEqual([ids.length + i, i === 3]);
  }
  expect(() => dataset?.read(4)).toThrow(RangeError);
  dataset?.close();
});

test.each(['words.bin', 'rows.bin', 'meta.json'])(
  'a store whose %s was cut is not opened, and can be written again',
  (cut) => {
    const path = join(folder.path, `cut-${cut}`);
    const write = () => {
      const writer = tokenStoreWriter(path);
      writer.add(packRow([1, 2, 3], [0, 1, 1]), [2], { file: 'a', line: 1, fullLength: 3, isDuplicate: false });
      writer.finish({}, []);
    };
    write();
    truncateSync(join(path, cut), 5);
    expect(openTokenStore(path)).toBeUndefined();
    write();
    const store = openTokenStore(path);
    expect(Array.from(store?.dataset.read(0).inputIds ?? [])).toEqual([1, 2, 3]);
    store?.dataset.close();
  },
);

test('fingerprints tell rows apart and remember them', () => {
  const set = new FingerprintSet();
  let added = 0;
  for (let i = 0; i < 100_000; i++) if (set.add(fingerprintOf(Uint32Array.of(1, i, 2, i >>> 7)))) added++;
  expect(added).toBe(100_000);
  for (let i = 0; i < 100_000; i += 997) expect(set.add(fingerprintOf(Uint32Array.of(1, i, 2, i >>> 7)))).toBe(false);
  expect(fingerprintOf(Uint32Array.of(1, 2))).not.toBe(fingerprintOf(Uint32Array.of(2, 1)));
  expect(fingerprintOf(Uint32Array.of(0))).not.toBe(fingerprintOf(Uint32Array.of(0, 0)));
});

test('a full disk is told, and nothing is left on it', ({ skip }) => {
  const disk = join(folder.path, 'disk');
  mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' });
  } catch {
    skip('only root can mount a small disk here');
  }
  onTestFinished(() => {
    execFileSync('umount', [disk]);
  });
  const writer = tokenStoreWriter(join(disk, 'store'));
  const error = userErrorOf(() => {
    for (let i = 0; i < 100; i++)
      writer.add(new Uint32Array(10_000), [0], { file: 'a', line: i, fullLength: 1, isDuplicate: false });
    writer.finish({}, []);
  });
  expect(error.code).toBe('disk-full');
  writer.abandon();
  expect(readdirSync(disk)).toEqual([]);
});
