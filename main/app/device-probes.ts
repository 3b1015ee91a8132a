// What trials of devices have shown on this machine, kept in the home folder until something changes that they hang on:
// drivers, the system, CUDA support, Lorelei. Failures are kept as well, and tried again when a person asks.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import { machineKey } from '../devices/machine-key.ts';
import type { Machine } from '../devices/machine.ts';
import { conformanceChecks, type ConformanceCheck } from '../training/conformance.ts';
import type { App } from './app.ts';
import { checkDevice, type DeviceCheck } from './device-check.ts';
import { productVersion } from './resources.ts';

/** What has to hold before `device: auto` takes a device; the speed decides whether it is worth it. */
export const probeChecks = [
  'gradients',
  'steps',
  'bf16',
  'fp16',
  'speed',
] as const satisfies readonly ConformanceCheck[];

/** A driver that compiles its shaders for the first time may take a minute. */
const LIMIT_MS = 3 * 60_000;

const finding = z.object({
  check: z.enum(['open', ...conformanceChecks, 'exit', 'process']),
  passed: z.boolean(),
  detail: z.string(),
  ms: z.number(),
  computes: z.boolean().optional(),
  speedup: z.number().optional(),
  isSoftware: z.boolean().optional(),
});

const probe = z.object({
  key: z.string(),
  triedAt: z.number(),
  outcome: z.enum(['conforms', 'fails', 'absent']),
  findings: z.array(finding),
});
export type Probe = Pick<z.infer<typeof probe>, 'triedAt' | 'outcome' | 'findings'>;

type Place = Pick<App, 'home' | 'launchErrand'>;

const fileIn = ({ home }: Pick<App, 'home'>): string => join(home.cache, 'device-probes.json');

/** What is known of the devices of this machine as it is now, by name. */
export function knownProbes(app: Pick<App, 'home'>, machine: Machine): ReadonlyMap<string, Probe> {
  const all = Object.entries(kept(fileIn(app)));
  return new Map(all.filter(([device, { key }]) => key === machineKey(machine, device, productVersion())));
}

/** One that cannot be read, or whose shape is another version's, says nothing: devices are tried again. */
function kept(file: string): Record<string, z.infer<typeof probe>> {
  if (!existsSync(file)) return {};
  try {
    const all = z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')));
    return Object.fromEntries(
      Object.entries(all).flatMap(([device, one]) => {
        const { data } = probe.safeParse(one);
        return data === undefined ? [] : [[device, data]];
      }),
    );
  } catch {
    return {};
  }
}

/** Tries a device in a process of its own and keeps what it has shown. Rejects only where `signal` was aborted. */
export async function probeDevice(app: Place, machine: Machine, device: string, signal: AbortSignal): Promise<Probe> {
  const check = await checkDevice(app.launchErrand, device, { checks: probeChecks, signal, limitMs: LIMIT_MS });
  return keepProbe(app, machine, check);
}

export function keepProbe(app: Pick<App, 'home'>, machine: Machine, { device, outcome, findings }: DeviceCheck): Probe {
  const shown: Probe = { triedAt: Date.now(), outcome, findings };
  const file = fileIn(app);
  const all = { ...kept(file), [device]: { key: machineKey(machine, device, productVersion()), ...shown } };
  writeFileAtomically(file, (write) => write(Buffer.from(`${JSON.stringify(all, null, 2)}\n`)));
  return shown;
}
