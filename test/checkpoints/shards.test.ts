import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseShardSize, planShards, shardIndex } from '../../main/checkpoints/shards.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';
import { userErrorOf } from '../support/user-error.ts';

type Split = { sizes: number[]; max: number; files: Record<string, string[]>; total_size: number };
const splits = readJson(join(goldensFolder, 'merged/shards.json')) as Split[];

test.each(splits)('$sizes in files of $max bytes are cut as huggingface_hub does', (split) => {
  const plan = planShards(
    split.sizes.map((bytes, i) => ({ name: `t${i}`, bytes, shape: [bytes] })),
    split.max,
  );
  expect(Object.fromEntries(plan.shards.map(({ file, tensors }) => [file, tensors.map(({ name }) => name)]))).toEqual(
    split.files,
  );
  expect(plan.totalBytes).toBe(split.total_size);
  expect(shardIndex(plan) === undefined).toBe(Object.keys(split.files).length === 1);
});

test('the index tells the file of every tensor, in order of names, and the sizes', () => {
  const tensors = [
    { name: 'b', bytes: 8, shape: [2, 2] },
    { name: 'a', bytes: 6, shape: [3] },
  ];
  expect(JSON.parse(shardIndex(planShards(tensors, 8)) ?? '')).toEqual({
    metadata: { total_parameters: 7, total_size: 14 },
    weight_map: { a: 'model-00002-of-00002.safetensors', b: 'model-00001-of-00002.safetensors' },
  });
});

test('sizes are numbers with decimal units, as in transformers', () => {
  expect(['5GB', '500 mb', '1.5KB', '2TB', '12'].map(parseShardSize)).toEqual([5e9, 5e8, 1500, 2e12, 12]);
  for (const bad of ['', '0', '-1', '5GiB', 'GB', '0.1', '1e9'])
    expect(userErrorOf(() => parseShardSize(bad)).code, bad).toBe('shard-size');
});
