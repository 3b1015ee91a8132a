// `lorelei estimate` as the built program: from a recipe to what its run would take, on the processor and on a device
// with a memory of its own.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import type { Estimate } from '../../preload/contract.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const program = join(import.meta.dirname, '../../out/main/cli.js');

async function estimate(...words: string[]): Promise<Estimate> {
  const recipe = [
    ...['--model_name_or_path', resourcePath('starter-model'), '--use_peft', 'true'],
    ...['--dataset_name', resourcePath('sample-data', 'sft.jsonl'), '--max_steps', '20'],
  ];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [program, 'estimate', '--json', ...recipe, '--device', 'cpu', ...words],
    { env: { ...process.env, LORELEI_HOME: join(folder.path, 'home') } },
  );
  return JSON.parse(stdout) as Estimate;
}

const bytesOf = (memory: Estimate['memory']): number => Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);

test('an estimate counts what the data is like, and each saving comes to what its own estimate says', async () => {
  const plain = await estimate('--per_device_train_batch_size', '8');
  expect(plain).toMatchObject({ device: null, totalSteps: 20 });
  expect(plain.stepMs).toBeGreaterThan(0);
  // Rows of the sample data are far shorter than this, so nothing comes of it.
  const longer = await estimate('--per_device_train_batch_size', '8', '--max_length', '4096');
  expect(bytesOf(longer.memory)).toBe(bytesOf(plain.memory));
  const saving = plain.savings.find(({ changes }) => changes.gradient_checkpointing === true);
  const recomputed = await estimate('--per_device_train_batch_size', '8', '--gradient_checkpointing', 'true');
  expect(saving?.bytes).toBe(bytesOf(recomputed.memory));
  expect(saving?.timeRatio).toBeGreaterThan(1);
});

test('a device of its own has the weights and activations, the host what it needs beside them', async () => {
  const here = await estimate();
  const there = await estimate('--device', 'webgpu');
  expect(there.device).toMatchObject({ name: 'webgpu' });
  expect(there.device?.memory.activations).toBeGreaterThan(there.memory.activations);
  expect(there.memory.activations).toBeLessThan(here.memory.activations);
  expect(there.savings.every(({ deviceBytes, timeRatio }) => deviceBytes !== null && timeRatio === null)).toBe(true);
});
