// When a process that was kept for the next errand is used again, replaced and ended: with processes that only pretend,
// and once with one that really answers with the starter model.
import { expect, onTestFinished, test, vi } from 'vitest';
import { forkedErrands } from '../../main/hosts/cli/fork-errand.ts';
import { errandLauncher } from '../../main/hosts/errand-launcher.ts';
import type { ErrandAnswer } from '../../main/hosts/errand-messages.ts';
import type { ErrandProcess } from '../../main/hosts/errand-worker.ts';
import { starterModel } from '../support/run-job.ts';
import { tempFolder } from '../support/temp-folder.ts';

class FakeProcess implements ErrandProcess {
  readonly sent: Parameters<ErrandProcess['send']>[0][] = [];
  killed = false;
  stderr = null;
  say!: (message: ErrandAnswer) => void;
  #end!: (how: string) => void;
  send: ErrandProcess['send'] = (message) => void this.sent.push(message);
  onMessage = (listener: (message: ErrandAnswer) => void): void => void (this.say = listener);
  onEnd = (listener: (how: string) => void): void => void (this.#end = listener);
  onError = (): void => undefined;
  kill = (): void => {
    this.killed = true;
    this.die();
  };
  die = (): void => this.#end('SIGKILL');
}

function open(idleMs?: number) {
  const processes: FakeProcess[] = [];
  const start = (): FakeProcess => {
    const one = new FakeProcess();
    processes.push(one);
    return one;
  };
  const { launchErrand, coolErrands } = errandLauncher(start, '/home', idleMs);
  const ask = (keep: string, signal = new AbortController().signal) =>
    launchErrand('answerSideBySide', {} as never, { onProgress: () => undefined, signal, keep });
  /** Asks, and lets that process answer. */
  const answered = async (keep: string, by: number): Promise<void> => {
    const asked = ask(keep);
    await vi.waitFor(() => expect(processes[by]?.sent.length).toBeGreaterThan(0));
    processes[by]?.say({ type: 'done', value: { answers: [] } });
    await asked;
  };
  return { processes, ask, answered, coolErrands };
}

test('the next question goes to the same process; another model ends it', async () => {
  const { processes, answered } = open();
  await answered('a', 0);
  await answered('a', 0);
  expect(processes).toHaveLength(1);
  expect(processes[0]?.sent).toHaveLength(2);
  await answered('b', 1);
  expect(processes.map(({ killed }) => killed)).toEqual([true, false]);
});

test('after a while without questions its memory is given back', async () => {
  const { processes, answered } = open(20);
  await answered('a', 0);
  expect(processes[0]?.killed).toBe(false);
  await vi.waitFor(() => expect(processes[0]?.killed).toBe(true));
  await answered('a', 1);
});

test('a stop leaves the process to the next question; one that does not hear is ended', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { processes, ask } = open();
  for (const hears of [true, false]) {
    const stopping = new AbortController();
    const asked = ask('a', stopping.signal);
    await vi.advanceTimersByTimeAsync(0);
    stopping.abort(new Error('enough'));
    expect(processes[0]?.sent.at(-1)).toEqual({ cancel: true });
    // Asked again at once: that waits until the process is free.
    if (hears) processes[0]?.say({ type: 'cancelled' });
    const settled = expect(asked).rejects.toThrow('enough');
    await vi.advanceTimersByTimeAsync(hears ? 0 : 2000);
    await settled;
    expect(processes[0]?.killed).toBe(!hears);
  }
  void ask('a');
  await vi.advanceTimersByTimeAsync(0);
  expect(processes).toHaveLength(2);
});

test('one that dies is told while it answers, and replaced unseen where it waited', async () => {
  const { processes, ask, answered } = open();
  const asked = ask('a');
  await vi.waitFor(() => expect(processes[0]?.sent).toHaveLength(1));
  processes[0]?.die();
  await expect(asked).rejects.toMatchObject({ code: 'errand-died' });
  await answered('a', 1);
  processes[1]?.die();
  await answered('a', 2);
  // It was gone before the question reached it.
  const late = ask('a');
  await vi.waitFor(() => expect(processes[2]?.sent).toHaveLength(2));
  processes[2]?.die();
  await vi.waitFor(() => expect(processes[3]?.sent).toHaveLength(1));
  processes[3]?.say({ type: 'done', value: { answers: [] } });
  expect(await late).toEqual({ answers: [] });
});

test('memory that is wanted back comes after the answer that is under way', async () => {
  const { processes, ask, answered, coolErrands } = open();
  const asked = ask('a');
  await vi.waitFor(() => expect(processes[0]?.sent).toHaveLength(1));
  coolErrands();
  expect(processes[0]?.killed).toBe(false);
  processes[0]?.say({ type: 'done', value: { answers: [] } });
  await asked;
  expect(processes[0]?.killed).toBe(true);
  await answered('a', 1);
  coolErrands();
  expect(processes[1]?.killed).toBe(true);
});

test('a second window that asks meanwhile gets a process for that question alone', async () => {
  const { processes, ask, answered } = open();
  const first = ask('a');
  await vi.waitFor(() => expect(processes[0]?.sent).toHaveLength(1));
  await answered('a', 1);
  expect(processes.map(({ killed }) => killed)).toEqual([false, true]);
  processes[0]?.say({ type: 'done', value: { answers: [] } });
  await first;
  await answered('a', 0);
});

test('a model is loaded once, whatever is asked of it and stopped', async () => {
  const { launchErrand, coolErrands } = forkedErrands(tempFolder().path);
  onTestFinished(coolErrands);
  const ask = async (prompt: string, maxNewTokens: number, stopAt = Infinity) => {
    const stopping = new AbortController();
    const phases: string[] = [];
    const settings = { temperature: 0, topP: 1, seed: 1, device: 'cpu', system: '', template: 'none' as const };
    const answer = await launchErrand(
      'answerSideBySide',
      { model: starterModel, prompt, maxNewTokens, ...settings },
      {
        onProgress: ({ phase, done }) => {
          if (phases.at(-1) !== phase) phases.push(phase);
          if (done >= stopAt) stopping.abort(new Error('enough'));
        },
        signal: stopping.signal,
        keep: starterModel,
      },
    ).then(
      ({ answers }) => answers[0]?.text,
      (error: unknown) => (error as Error).message,
    );
    return { answer, phases };
  };
  const first = await ask('The sea', 6);
  expect(first.phases).toEqual(['Loading the model', 'Answering']);
  expect((await ask('A rose', 100_000, 3)).answer).toBe('enough');
  expect(await ask('The sea', 6)).toEqual({ ...first, phases: ['Answering'] });
  // What is refused does not cost the model either.
  expect((await ask('sea '.repeat(5000), 6)).answer).toMatch(/^The prompt has \d+ tokens/);
  expect((await ask('The sea', 6)).phases).toEqual(['Answering']);
});
