// A runtime that refuses what is too large: the run goes on with smaller micro-batches, and learns what a run learns
// whose recipe had them to begin with. Where no free memory is reported, the longest batch is tried before step 1.
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Runtime, RuntimeTensor } from '../../main/engine/runtime/runtime.ts';
import { UserError } from '../../main/errors.ts';
import type { Metrics } from '../../preload/contract.ts';
import { runJob } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

const temp = tempFolder();
let runs = 0;
const place = (): string => join(temp.path, String(++runs));

type IsTooMuch = (inputs: ReadonlyMap<string, RuntimeTensor>) => boolean;

/** Whether these inputs of the gradient graph are more than the memory that the test pretends there is. */
let isTooMuch: IsTooMuch = () => false;
/** The same of the graph that evaluates and asks the reference. */
let isTooMuchToEvaluate: IsTooMuch = () => false;

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
              const limit = { gradients: isTooMuch, evaluation: isTooMuchToEvaluate }[graph.name];
              if (limit?.(inputs))
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
  isTooMuchToEvaluate = () => false;
});

const tokensOver = (limit: number) => (inputs: ReadonlyMap<string, RuntimeTensor>) =>
  (inputs.get('input_ids')?.dims ?? []).reduce((a, b) => a * b, 1) > limit;
const pairsOver = (limit: number) => (inputs: ReadonlyMap<string, RuntimeTensor>) =>
  (inputs.get('ref_chosen_logps')?.dims[0] ?? 0) > limit;

const sequencesOver =
  (limit: number): IsTooMuch =>
  (inputs) =>
    (inputs.get('membership')?.dims[0] ?? 0) > limit;

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

test('a loss that sorts the rows of a batch is not cut', async () => {
  isTooMuch = () => true;
  await expect(runJob('dpo', { ...rowsOf(2, 1), loss_type: ['aot'] }, { folder: place() })).rejects.toMatchObject({
    code: 'out-of-memory',
    message: 'There was not enough memory for 2 rows at once, and this loss weighs them together: It is full.',
  });
});

// A mean over the tokens of a micro-batch is that of the whole, so a run of smaller micro-batches would be another one.
const means = [
  ['orpo', {}, 3],
  ['simpo', { cpo_alpha: 0.5 }, 2],
  ['dpo', { loss_type: ['sigmoid', 'sft'] }, 2],
] as const;
test.each(means)('%s %j: losses and logs of a run that was cut are those of the whole', async (method, keys, sums) => {
  const settings = { ...rowsOf(3, 2), ...keys, max_length: 96, max_steps: 4, lora_dropout: 0 };
  const whole = await runJob(method, settings, { folder: place() });
  isTooMuch = sequencesOver(2 * sums);
  const cut = await runJob(method, settings, { folder: place() });
  expect(cut.events.filter((message) => message.startsWith('There was not enough memory for 3 rows'))).toHaveLength(1);
  expectAlike(cut.losses, whole.losses);
  for (const [i, logged] of whole.logs.entries()) {
    expect(Object.keys(cut.logs[i] ?? {})).toEqual(Object.keys(logged));
    expectAlike(Object.values(cut.logs[i] ?? {}), Object.values(logged));
  }
});

test.each([
  ['sft', 1, 64],
  ['orpo', 3, 96],
] as const)('%s: an evaluation in parts has the numbers of the whole', async (method, sums, length) => {
  const settings = {
    ...rowsOf(2, 1),
    max_length: length,
    max_steps: 2,
    per_device_eval_batch_size: 6,
    test_split_size: 9,
    eval_strategy: 'steps',
    eval_steps: 1,
  };
  const whole = await runJob(method, settings, { folder: place() });
  isTooMuchToEvaluate = method === 'sft' ? tokensOver(3 * length) : sequencesOver(3 * sums);
  const cut = await runJob(method, settings, { folder: place() });
  expect(cut.events).toContainEqual(
    'There was not enough memory for 6 rows at once (It is full). From here on evaluations take 3 at once: the same ' +
      'numbers, a little slower.',
  );
  const numbers = (run: typeof whole): Metrics[] =>
    run.of('evaluation').map(({ metrics }) => {
      const timeless = Object.entries(metrics).filter(([name]) => !/runtime|per_second/.test(name));
      return Object.fromEntries(timeless);
    });
  expect(numbers(whole)).toHaveLength(2);
  for (const [i, found] of numbers(whole).entries()) {
    expect(Object.keys(numbers(cut)[i] ?? {})).toEqual(Object.keys(found));
    expectAlike(Object.values(numbers(cut)[i] ?? {}), Object.values(found));
  }
});

test('a reference that is asked about fewer pairs at once says the same', async () => {
  const settings = { ...rowsOf(1, 1), max_length: 96, max_steps: 3, precompute_ref_batch_size: 8 };
  const whole = await runJob('dpo', settings, { folder: place() });
  isTooMuchToEvaluate = sequencesOver(4);
  const cut = await runJob('dpo', settings, { folder: place() });
  expect(cut.events.filter((message) => /reference is asked about [42] at once/.test(message))).toHaveLength(2);
  expectAlike(cut.losses, whole.losses);
});

test('not even one pair at once for the reference: what to do', async () => {
  isTooMuchToEvaluate = () => true;
  await expect(runJob('dpo', rowsOf(1, 1), { folder: place() })).rejects.toMatchObject({ code: 'out-of-memory' });
});

/** Sums of float32 in another order. */
function expectAlike(found: readonly number[], wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries())
    expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
}
