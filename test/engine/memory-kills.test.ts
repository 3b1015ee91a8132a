// What Linux says of the processes that it has ended for want of memory, in folders laid out as its own are.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { memoryKills } from '../../main/engine/runtime/memory-kills.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { path, write } = tempFolder();

test('kills are counted all over the system and in the groups around the process', () => {
  write('v2/proc/vmstat', 'nr_free_pages 4\noom_kill 3\n');
  write('v2/proc/self/cgroup', '0::/outer/inner\n');
  write('v2/sys/fs/cgroup/outer/inner/memory.events', 'oom 9\noom_kill 1\noom_group_kill 7\n');
  write('v2/sys/fs/cgroup/outer/memory.events', 'oom_kill 2\n');
  expect(memoryKills(join(path, 'v2'))).toBe(6);
  write('v1/proc/self/cgroup', '5:cpu:/\n4:memory:/job\n');
  write('v1/sys/fs/cgroup/memory/job/memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 4\n');
  expect(memoryKills(join(path, 'v1'))).toBe(4);
  expect(memoryKills(join(path, 'elsewhere'))).toBeUndefined();
});
