// Tries devices with the conformance suite, each in a process of its own: a driver that ends it is a finding, and so is
// one that never answers.
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

export async function checkDevice(
  launchErrand: LaunchErrand,
  device: string,
  { checks, signal }: { checks: readonly ConformanceCheck[]; signal?: AbortSignal },
): Promise<DeviceCheck> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const started = performance.now();
  const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const hooks = { onProgress: () => undefined, signal: either };
  const findings = await launchErrand('checkDevice', { device, checks: [...checks] }, hooks).catch(
    (error: unknown): Finding[] => {
      signal?.throwIfAborted();
      const detail = limit.aborted ? `no answer within ${LIMIT_MS / 60_000} minutes` : messageOf(error).trim();
      return [{ check: 'process', passed: false, detail, ms: performance.now() - started }];
    },
  );
  const failed = findings.find(({ passed }) => !passed);
  const isAbsent = failed?.check === 'open';
  return { device, outcome: failed === undefined ? 'conforms' : isAbsent ? 'absent' : 'fails', findings };
}
