import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openRuntime } from '../../main/engine/runtime/onnxruntime-node.ts';
import { initialWeights } from '../../main/starter/shape.ts';
import { trainStarter, type TrainedTensor } from '../../main/starter/train.ts';

const folder = mkdtempSync(join(tmpdir(), 'lorelei-starter-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** One id per character: the tokenizer does not matter here. */
const encode = (text: string): number[] => Array.from(Buffer.from(text.slice(0, 60)));

const training = {
  seed: 1,
  weightDecay: 0.1,
  rowsPerBatch: 2,
  rowLength: 64,
  cycles: [
    { steps: 3, learningRate: 1e-3, warmupSteps: 1, horizonSteps: 3, coolDownSteps: 1, mannered: 0, practice: 0 },
    { steps: 1, learningRate: 1e-3, warmupSteps: 0, horizonSteps: 2, coolDownSteps: 1, mannered: 0.5, practice: 0.5 },
  ],
};

async function train(stopAfter: number, name: string): Promise<TrainedTensor[] | undefined> {
  let asked = 0;
  return trainStarter({
    runtime: await openRuntime({ device: 'cpu', threads: 1 }),
    encode,
    training,
    statePath: join(folder, name),
    report: () => undefined,
    stopRequested: () => ++asked > stopAfter,
  });
}

test('an interrupted build goes on as if nothing had happened, bit for bit', async () => {
  const whole = await train(Infinity, 'whole');
  expect(await train(2, 'parts')).toBeUndefined();
  const parts = await train(Infinity, 'parts');
  const bytes = (tensors: TrainedTensor[] | undefined): Buffer =>
    Buffer.concat((tensors ?? []).map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  expect(whole).toHaveLength(38);
  expect(bytes(parts).equals(bytes(whole))).toBe(true);
  for (const { name, data } of whole ?? []) expect(data, name).not.toEqual(initialWeights(name, data.length, 1));
});
