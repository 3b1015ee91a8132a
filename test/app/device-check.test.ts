// What becomes of a check whose process ends, never answers, does not end well, or that finds a fault.
import { fork } from 'node:child_process';
import { expect, test } from 'vitest';
import { checkDevice } from '../../main/app/device-check.ts';
import type { ErrandHooks, LaunchErrand } from '../../main/app/errand.ts';
import { UserError } from '../../main/errors.ts';
import { ErrandWorker } from '../../main/hosts/errand-worker.ts';
import type { Finding } from '../../main/training/conformance.ts';
import { forkedErrandProcess } from '../../main/hosts/cli/fork-errand.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();

const check = (launch: (hooks: ErrandHooks) => Promise<unknown>, limitMs?: number) =>
  checkDevice(
    ((_name: string, _input: unknown, hooks: ErrandHooks) => launch(hooks)) as unknown as LaunchErrand,
    'webgpu',
    { checks: ['gradients'], ...(limitMs !== undefined && { limitMs }) },
  );
const finding = (name: Finding['check'], passed: boolean): Finding => ({ check: name, passed, detail: '', ms: 1 });

test('a driver that ends the process is a finding', async () => {
  const died = new UserError({ code: 'errand-died', message: 'The process ended with SIGSEGV.', fix: 'Try again.' });
  const { outcome, findings } = await check(() => Promise.reject(died));
  expect(outcome).toBe('fails');
  expect(findings).toMatchObject([{ check: 'process', passed: false, detail: 'The process ended with SIGSEGV.' }]);
});

test('so is one that never answers', async () => {
  const { outcome, findings } = await check(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    30,
  );
  expect(outcome).toBe('fails');
  expect(findings).toMatchObject([{ check: 'process', detail: 'no answer within 0.0005 minutes' }]);
});

test.each([
  ['conforms', [finding('open', true), finding('gradients', true)]],
  ['fails', [finding('open', true), finding('gradients', false)]],
  ['absent', [finding('open', false)]],
])('%s', async (outcome, findings) => {
  const result = await check(({ onEnd }) => {
    setImmediate(() => onEnd?.('exit code 0'));
    return Promise.resolve(findings);
  });
  expect(result).toMatchObject({ device: 'webgpu', outcome });
  expect(result.findings).toMatchObject([...findings, { check: 'exit', passed: true }]);
});

/** A process that answers well, and then does `atEnd` when it is asked to leave. */
function answering(atEnd: string): Promise<Awaited<ReturnType<typeof checkDevice>>> {
  const file = folder.write(
    `errand-${atEnd.length}.mjs`,
    `process.on('message', (message) => {
      if (message.leave) ${atEnd}
      else process.send({ type: 'done', value: [{ check: 'open', passed: true, detail: '', ms: 1 }] });
    });`,
  );
  const child = fork(file, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
  const worker = new ErrandWorker(forkedErrandProcess(child), { isKept: false, leaveMs: 500 });
  return check((hooks) => worker.perform({ errand: 'checkDevice', input: {}, home: '' }, hooks));
}

test.each([
  ['ends by itself', 'process.exit(0);', true, 'by itself'],
  ['crashes in a driver’s last deed', "process.kill(process.pid, 'SIGSEGV');", false, 'SIGSEGV'],
  ['ends with a fault', 'process.exit(3);', false, 'exit code 3'],
  ['does not end', 'setInterval(() => undefined, 1000);', false, 'did not end by itself within 0.5 s'],
])('a process that %s after its answer', async (_, atEnd, passed, words) => {
  const { outcome, findings } = await answering(atEnd);
  expect(outcome).toBe(passed ? 'conforms' : 'fails');
  expect(findings.at(-1)).toMatchObject({ check: 'exit', passed, detail: expect.stringContaining(words) as string });
});
