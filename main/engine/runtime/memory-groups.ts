// Linux puts processes into groups with a limit of memory: those around this process, as files below /sys/fs/cgroup.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Version 1 is that of its memory controller. `folder` is relative to the root of the system. */
export type MemoryGroup = { version: 1 | 2; folder: string };

/** This process's groups and those that they lie in. `root` is where Linux' own folders lie; empty where there are none. */
export function memoryGroups(root: string): MemoryGroup[] {
  return textOf(root, 'proc/self/cgroup')
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (path === undefined) return [];
      const version = controllers === '' ? 2 : 1;
      if (version === 1 && !controllers.split(',').includes('memory')) return [];
      const top = version === 2 ? 'sys/fs/cgroup' : 'sys/fs/cgroup/memory';
      return upwards(path).map((group): MemoryGroup => ({ version, folder: join(top, group) }));
    });
}

function upwards(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...upwards(parent)];
}

/** Empty where there is no such file: not every system has every one. */
export function textOf(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
}
