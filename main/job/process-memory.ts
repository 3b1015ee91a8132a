// The most memory that this process has had resident, as a metric of the run. The system counts it, so that no moment
// between two looks is missed.
import { readFileSync } from 'node:fs';
import type { JobRecord } from '../../preload/contract.ts';

const MEGABYTE = 1e6;

/** In bytes, since the process began. */
export function peakMemory(): number {
  if (process.platform === 'linux') {
    // What getrusage tells there may be the peak of the process that this one was forked from.
    const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kibibytes !== undefined) return 1024 * Number(kibibytes);
  }
  return 1024 * process.resourceUsage().maxRSS;
}

/** Adds it to what a logged step and the end of a run say. */
export function withPeakMemory<Row extends JobRecord>(record: Row): Row {
  const isLogged = (record.type === 'step' && record.metrics !== undefined) || record.type === 'end';
  if (!isLogged) return record;
  const peak = Math.round(peakMemory() / MEGABYTE);
  return { ...record, metrics: { ...record.metrics, process_memory_peak_megabytes: peak } };
}
