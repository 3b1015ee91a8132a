// Which device `device: auto` comes to: the first in the platform's order whose trial conforms and that is faster than
// the processor. A rule on what is known; whoever asks tries what is not.
import { decisiveFault } from './device-check.ts';
import type { Probe } from './device-probes.ts';
import type { TriedFormats } from '../training/precision.ts';
import type { ListedDevice } from '../devices/listed-devices.ts';

/** Taken, with the reason in words that follow a colon; or what has to be tried first. */
export type Decision = { device: string; reason: string } | { untried: ListedDevice };

/** `failed`: devices that could not train what is asked for, with what went wrong. */
export function decideDevice(
  devices: readonly ListedDevice[],
  probes: ReadonlyMap<string, Probe>,
  failed: ReadonlyMap<string, string> = new Map(),
): Decision {
  const out: Out[] = [];
  for (const device of devices) {
    if (device.name === 'cpu') break;
    const probe = probes.get(device.name);
    const against = failed.get(device.name) ?? whyNot(device, probe);
    if (against !== undefined) out.push({ name: device.name, why: against });
    else if (probe === undefined) return { untried: device };
    else return { device: device.name, reason: reasonFor(device, probe, out) };
  }
  return { device: 'cpu', reason: onlyProcessor(out) };
}

type Out = { name: string; why: string };

/** "cuda:0, cuda:1: CUDA support is not installed; webgpu: …" */
function listOf(out: readonly Out[]): string {
  const groups = Map.groupBy(out, ({ why }) => why);
  return [...groups].map(([why, devices]) => `${devices.map(({ name }) => name).join(', ')}: ${why}`).join('; ');
}

function onlyProcessor(out: readonly Out[]): string {
  if (out.length === 0) return 'there is no other device';
  const reasons = new Set(out.map(({ why }) => why));
  return reasons.size === 1 ? [...reasons].join() : `no other can be taken (${listOf(out)})`;
}

/** Undefined where nothing is known against it. */
function whyNot({ hindrance, isSoftware }: ListedDevice, probe: Probe | undefined): string | undefined {
  if (probe === undefined) return hindrance?.reason ?? (isSoftware ? inSoftware : undefined);
  // The whole of it stands beside the device in Settings and `lorelei devices`.
  const fault = faultOf(probe, 120);
  if (fault !== undefined) return fault;
  if (isSoftwareOf(probe)) return inSoftware;
  const speedup = speedupOf(probe);
  return speedup !== null && speedup <= 1
    ? `computes right, but at ${times(speedup)} the processor's speed`
    : undefined;
}

const inSoftware = 'an adapter in software, slower than the processor';

function reasonFor({ title }: ListedDevice, probe: Probe, out: readonly Out[]): string {
  const speedup = speedupOf(probe);
  const pace = speedup === null ? '' : `, ${times(speedup)} as fast as the processor`;
  return `${title} conforms${pace}${out.length === 0 ? '' : ` (${listOf(out)})`}`;
}

/** What went wrong, on one line and not longer than can be read; undefined where nothing did. */
export function faultOf({ outcome, findings }: Probe, longest = 300): string | undefined {
  const failed = decisiveFault(findings);
  if (outcome === 'conforms' || failed === undefined) return undefined;
  const detail = failed.detail.replaceAll(/\s+/g, ' ').trim().replace(/\.$/, '');
  const short = detail.length > longest ? `${detail.slice(0, longest)}…` : detail;
  if (outcome === 'absent') return `cannot be opened (${short})`;
  return failed.check === 'process' || failed.check === 'exit' ? short : `fails at "${failed.check}" (${short})`;
}

export const isSoftwareOf = ({ findings }: Probe): boolean => findings.some(({ isSoftware }) => isSoftware === true);

export const speedupOf = ({ findings }: Probe): number | null =>
  findings.find(({ speedup }) => speedup !== undefined)?.speedup ?? null;

/** The formats that the device was shown to compute in; undefined where it was not tried. */
export function formatsOf(probe: Probe | undefined): TriedFormats | undefined {
  if (probe === undefined) return undefined;
  const shown = (format: 'bf16' | 'fp16'): boolean =>
    probe.findings.some(({ check, passed, computes }) => check === format && passed && computes === true);
  return { bf16: shown('bf16'), fp16: shown('fp16') };
}

/** "14 times", "1.3 times", "0.4 times" */
export const times = (speedup: number): string => `${speedup >= 10 ? Math.round(speedup) : speedup.toFixed(1)} times`;
