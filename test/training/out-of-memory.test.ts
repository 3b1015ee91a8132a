// A runtime that refuses what is too large: the run goes on with smaller micro-batches, and learns what a run learns
// whose recipe had them to begin with. Where no free memory is reported, the longest batch is tried before step 1.
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Runtime, RuntimeTensor } from '../../main/engine/runtime/runtime.ts';
import { UserError } from '../../main/errors.ts';
import { runJob } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const temp = tempFolder();
let runs = 0;
const place = (): string => join(temp.path, String(++runs));

/** Whether these inputs of the gradient graph are more than the memory that the test pretends there is. */
let isTooMuch: (inputs: ReadonlyMap<string, RuntimeTensor>) => boolean = () => false;

vi.mock('../../main/engine/runtime/free-memory.ts', () => ({ freeMemory: () => 0 }));
vi.mock('../../main/engine/runtime/onnxruntime-node.ts', async (importOriginal) => {
  const original = await importOriginal<{ openRuntime: (options: { device: string }) => Promise<Runtime> }>();
  return {
    ...original,
    openRuntime: async (options: { device: string }): Promise<Runtime> => {
      const runtime = await original.openRuntime(options);
      return {
        ...runtime,
        createSession: async (graph, sessionOptions) => {
          const session = await runtime.createSession(graph, sessionOptions);
          return {
            ...session,
            run: (inputs, runOptions) => {
              if (graph.name === 'gradients' && isTooMuch(inputs))
                throw new UserError({ code: 'out-of-memory', message: 'It is full.', fix: 'Buy more.' });
              return session.run(inputs, runOptions);
            },
          };
        },
      };
    },
  };
});

afterEach(() => {
  isTooMuch = () => false;
});

const tokensOver = (limit: number) => (inputs: ReadonlyMap<string, RuntimeTensor>) =>
  (inputs.get('input_ids')?.dims ?? []).reduce((a, b) => a * b, 1) > limit;
const pairsOver = (limit: number) => (inputs: ReadonlyMap<string, RuntimeTensor>) =>
  (inputs.get('ref_chosen_logps')?.dims[0] ?? 0) > limit;

const rowsOf = (batch: number, steps: number) => ({
  max_length: 32,
  per_device_train_batch_size: batch,
  gradient_accumulation_steps: steps,
});

// Bit for bit: it is the same micro-batches in the same order, with the same dropout and the same weights.
test('fine-tuning with half the rows at once, and twice as many micro-batches, is the run whose recipe says so', async () => {
  const small = await runJob('sft', rowsOf(2, 2), { folder: place() });
  isTooMuch = tokensOver(64);
  const halved = await runJob('sft', rowsOf(4, 1), { folder: place() });
  expect(halved.events).toContainEqual(
    'There was not enough memory for 4 rows at once (It is full). From here on micro-batches have 2, and a step takes ' +
      'as many more of them: the same mathematics, a little slower.',
  );
  expect(halved.events).toContain('Tried the longest batch before the first step: memory reaches for 2 rows at once.');
  expect(halved.losses).toEqual(small.losses);
  expect(halved.adapter()).toEqual(small.adapter());
});

test('the same for pairs, halved twice', async () => {
  const small = await runJob('dpo', { ...rowsOf(1, 4), max_length: 96, max_steps: 3 }, { folder: place() });
  isTooMuch = pairsOver(1);
  const halved = await runJob('dpo', { ...rowsOf(4, 1), max_length: 96, max_steps: 3 }, { folder: place() });
  expect(halved.events.filter((message) => message.startsWith('There was not enough memory'))).toHaveLength(2);
  expect(halved.losses).toEqual(small.losses);
  expect(halved.adapter()).toEqual(small.adapter());
});

test('memory that runs out in the middle of a step begins the step anew, and a resumed run keeps to what fitted', async () => {
  const folder = place();
  let calls = 0;
  // The trial and two micro-batches of the first step go well, the third does not.
  isTooMuch = () => ++calls === 4;
  const begun = await runJob('sft', rowsOf(2, 4), { folder, stopAfter: 3 });
  expect(begun.events.filter((message) => message.startsWith('There was not enough memory for 2 rows'))).toHaveLength(
    1,
  );
  isTooMuch = () => false;
  const [checkpoint] = begun.of('checkpoint').slice(-1);
  const resumed = await runJob('sft', rowsOf(2, 4), { folder, resumeFrom: checkpoint?.path ?? '' });
  const small = await runJob('sft', rowsOf(1, 8), { folder: place() });
  expect([...begun.losses, ...resumed.losses]).toEqual(small.losses);
  expect(resumed.adapter()).toEqual(small.adapter());
});

test('a single row that does not fit ends the run with what to do', async () => {
  isTooMuch = () => true;
  await expect(runJob('sft', rowsOf(2, 1), { folder: place() })).rejects.toMatchObject({
    code: 'out-of-memory',
    message: 'There was not enough memory for a single row: It is full.',
  });
});

test('a loss that weighs the rows of a batch together is not cut', async () => {
  isTooMuch = () => true;
  await expect(runJob('orpo', rowsOf(2, 1), { folder: place() })).rejects.toMatchObject({
    code: 'out-of-memory',
    message: 'There was not enough memory for 2 rows at once, and this loss weighs them together: It is full.',
  });
});
