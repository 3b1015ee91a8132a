// Tries devices with the conformance suite, each in a process of its own: a driver that ends it is a finding, and so is
// one that never answers, or that does not let it end.
import { messageOf } from '../errors.ts';
import type { ConformanceCheck, Finding } from '../training/conformance.ts';
import type { LaunchErrand } from './errand.ts';

/** Compiling a driver's shaders for the first time takes most of it. */
const LIMIT_MS = 10 * 60_000;

export type DeviceCheck = {
  device: string;
  /** absent: it cannot be opened here. */
  outcome: 'conforms' | 'fails' | 'absent';
  findings: Finding[];
};

type Options = { checks: readonly ConformanceCheck[]; signal?: AbortSignal; limitMs?: number };

/** Rejects only where `signal` was aborted. */
export async function checkDevice(
  launchErrand: LaunchErrand,
  device: string,
  { checks, signal, limitMs = LIMIT_MS }: Options,
): Promise<DeviceCheck> {
  const limit = AbortSignal.timeout(limitMs);
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const started = performance.now();
  const ending = Promise.withResolvers<string>();
  const hooks = { onProgress: () => undefined, signal: either, onEnd: ending.resolve };
  const findings = await launchErrand('checkDevice', { device, checks: [...checks] }, hooks).then(
    async (answered) => [...answered, await endOf(ending.promise)],
    (error: unknown): Finding[] => {
      signal?.throwIfAborted();
      const detail = limit.aborted ? `no answer within ${limitMs / 60_000} minutes` : wordsOf(error);
      return [{ check: 'process', passed: false, detail, ms: performance.now() - started }];
    },
  );
  const failed = decisiveFault(findings);
  const isAbsent = failed?.check === 'open';
  return { device, outcome: failed === undefined ? 'conforms' : isAbsent ? 'absent' : 'fails', findings };
}

const wordsOf = (error: unknown): string =>
  messageOf(error)
    .trim()
    .replace(/^The process that was to do this \(\w+\)/, 'its process');

/** Who multiplies wrongly in 16 bits still does in 32. */
export const decisiveFault = <F extends Pick<Finding, 'check' | 'passed'>>(findings: readonly F[]): F | undefined =>
  findings.find(({ passed, check }) => !passed && check !== 'bf16' && check !== 'fp16');

/** A run's process ends the same way: after its last word, by itself, with whatever drivers do then. */
async function endOf(ending: Promise<string>): Promise<Finding> {
  const started = performance.now();
  const how = await ending;
  const passed = how === 'exit code 0';
  const detail = passed ? 'the process ended by itself, without a fault' : `the process did not end well: ${how}`;
  return { check: 'exit', passed, detail, ms: performance.now() - started };
}
