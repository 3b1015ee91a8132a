// What Linux says of free memory, in folders laid out as its own are.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freeMemory } from '../../main/engine/runtime/free-memory.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { path, write } = tempFolder();

test.runIf(process.platform === 'linux')('the least that the system and the groups around a process have left', () => {
  for (const name of ['free', 'v2', 'v1'])
    write(`${name}/proc/meminfo`, 'MemTotal: 9000 kB\nMemAvailable:    8000 kB\n');
  expect(freeMemory(join(path, 'free'))).toBe(8_192_000);
  // The group itself is not limited, the one around it is; file pages that nobody uses can go.
  write('v2/proc/self/cgroup', '0::/outer/inner\n');
  write('v2/sys/fs/cgroup/outer/inner/memory.max', 'max\n');
  write('v2/sys/fs/cgroup/outer/inner/memory.current', '10\n');
  write('v2/sys/fs/cgroup/outer/memory.max', '5000000\n');
  write('v2/sys/fs/cgroup/outer/memory.current', '3000000\n');
  write('v2/sys/fs/cgroup/outer/memory.stat', 'anon 2000000\ninactive_file 400000\n');
  expect(freeMemory(join(path, 'v2'))).toBe(2_400_000);
  write('v1/proc/self/cgroup', '5:cpu:/\n4:memory:/job\n');
  write('v1/sys/fs/cgroup/memory/job/memory.limit_in_bytes', '4000000\n');
  write('v1/sys/fs/cgroup/memory/job/memory.usage_in_bytes', '1000000\n');
  expect(freeMemory(join(path, 'v1'))).toBe(3_000_000);
});
