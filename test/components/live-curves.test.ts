// The measurements of a run as its page gathers them: from the history, which is behind by half a second, and from the
// records of the job, of which the page hears only those that come while it listens.
import { expect, test } from 'vitest';
import type { AppEvent, JobRecord } from '../../preload/contract.ts';
import { LiveCurves } from '../../renderer/run/live-curves.svelte.ts';
import { answerFor, asked, tell } from '../support/component-page.ts';

const lossAt = (step: number): number => 1 / step;
const records = (from: number, to: number): JobRecord[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).map((step) => ({
    type: 'step',
    step,
    loss: lossAt(step),
    stepMs: 10,
    tokensPerSecond: 1,
  }));
const told = (from: number, to: number): AppEvent => ({
  type: 'run-records',
  run: 'otter',
  records: records(from, to),
});

/** Answers with the steps that are written by then. */
function history(written: () => number): void {
  answerFor('run.curves', ({ after }) => {
    const step = Array.from({ length: Math.max(0, written() - after) }, (_, i) => after + 1 + i);
    const empty = { step: [], columns: {} };
    const train = { step, columns: { loss: step.map(lossAt) } };
    return { lastStep: written(), train, logged: empty, evaluation: empty };
  });
}

test('steps that were told before the page listened, and are not written yet, are not left out', async () => {
  let written = 3;
  history(() => written);
  const live = new LiveCurves('otter');
  const stop = live.follow();
  tell(told(7, 8)); // while the history is being read
  await expect.poll(() => live.loaded).toBe(true);
  tell(told(9, 9));
  written = 9;
  await expect.poll(() => live.curves.lastStep).toBe(9);
  tell(told(10, 12));
  await expect.poll(() => [...live.curves.train.column('step')]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect([...live.curves.train.column('loss')]).toEqual(Array.from({ length: 12 }, (_, i) => lossAt(i + 1)));
  stop();
});

test('records in a row are taken over without asking the history', async () => {
  history(() => 2);
  const live = new LiveCurves('otter');
  const stop = live.follow();
  await expect.poll(() => live.loaded).toBe(true);
  asked.length = 0;
  tell(told(3, 5));
  tell(told(6, 6));
  expect([...live.curves.train.column('step')]).toEqual([1, 2, 3, 4, 5, 6]);
  tell({ type: 'run-records', run: 'another', records: records(7, 7) });
  expect(live.curves.lastStep).toBe(6);
  expect(asked).toEqual([]);
  stop();
  tell(told(7, 7));
  expect(live.curves.lastStep).toBe(6);
});

test('a run that is resumed at an earlier step computes the later ones again', async () => {
  history(() => 8);
  const live = new LiveCurves('otter');
  const stop = live.follow();
  await expect.poll(() => live.curves.lastStep).toBe(8);
  tell({
    type: 'run-records',
    run: 'otter',
    records: [{ type: 'start', totalSteps: 20, startStep: 5 }, ...records(6, 7)],
  });
  expect([...live.curves.train.column('step')]).toEqual([1, 2, 3, 4, 5, 6, 7]);
  stop();
});
