// How many processes Linux has ended because memory ran out. It does so without a word: the process is gone by SIGKILL.
import { join } from 'node:path';
import { memoryGroups, textOf } from './memory-groups.ts';

/**
 * All over the system and in the groups around this process; only its growth means something. Undefined where the system
 * does not tell. `root` is where Linux' own folders lie.
 */
export function memoryKills(root = '/'): number | undefined {
  const files = memoryGroups(root).map(({ version, folder }) =>
    join(folder, version === 2 ? 'memory.events' : 'memory.oom_control'),
  );
  const counts = ['proc/vmstat', ...files].flatMap((file) => {
    const count = /^oom_kill (\d+)$/m.exec(textOf(root, file))?.[1];
    return count === undefined ? [] : [Number(count)];
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}
