// How much memory a process could take now: what the system would give, and where Linux puts processes into groups, what
// theirs still may.
import { freemem } from 'node:os';
import { join } from 'node:path';
import { memoryGroups, textOf } from './memory-groups.ts';

/** Bytes. `root` is where Linux' own folders lie. */
export function freeMemory(root = '/'): number {
  if (process.platform !== 'linux') return freemem();
  // What caches would give back counts as free.
  const kilobytes = /MemAvailable:\s+(\d+) kB/.exec(textOf(root, 'proc/meminfo'))?.[1];
  const ofSystem = kilobytes === undefined ? freemem() : Number(kilobytes) * 1024;
  return Math.max(0, Math.min(ofSystem, ...groupsOf(root)));
}

/** What each limited group around this process has left (cgroup v2, and v1 with its memory controller). */
function groupsOf(root: string): number[] {
  return memoryGroups(root).map(({ version, folder }) => leftIn(root, folder, version === 2 ? version2 : version1));
}

type Files = { limit: string; used: string; cached: RegExp };
const version2: Files = { limit: 'memory.max', used: 'memory.current', cached: /^inactive_file (\d+)$/m };
const version1: Files = {
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  cached: /^total_inactive_file (\d+)$/m,
};

/** Infinity where the group has no limit; v1 writes a number beyond any machine's then. */
function leftIn(root: string, group: string, { limit, used, cached }: Files): number {
  const [most, now] = [limit, used].map((name) => textOf(root, join(group, name)).trim());
  if (!most || !now || !/^\d+$/.test(most)) return Infinity;
  const reclaimable = Number(cached.exec(textOf(root, join(group, 'memory.stat')))?.[1] ?? 0);
  return Number(most) - Number(now) + reclaimable;
}
