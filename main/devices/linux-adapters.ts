// Graphics adapters on Linux, from what the kernel shows in /sys and /dev: no program is started.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { hasSystemCode } from '../errors.ts';
import type { Adapter } from './adapters.ts';

const makers: Readonly<Record<string, string>> = { '0x1002': 'AMD', '0x10de': 'NVIDIA', '0x8086': 'Intel' };

/** Kernel modules whose render nodes draw nothing. */
const pretenders: ReadonlySet<string> = new Set(['vgem', 'vkms']);

/** `root` is a folder to look in, for tests. */
export function linuxAdapters(root = '/'): Adapter[] {
  const drm = join(root, 'sys/class/drm');
  const nodes = listed(drm).filter((name) => /^renderD\d+$/.test(name));
  const adapters = nodes.flatMap((node): Adapter[] => {
    const device = join(drm, node, 'device');
    const module = linkName(join(device, 'driver'));
    if (module !== undefined && pretenders.has(module)) return [];
    const memory = Number(text(join(device, 'mem_info_vram_total')) ?? 'unknown');
    return [
      {
        name: nameOf(root, device, module),
        driver: driverOf(root, module),
        memoryBytes: Number.isFinite(memory) ? memory : null,
        node: `/dev/dri/${node}`,
      },
    ];
  });
  const other = { driver: null, memoryBytes: null };
  // NVIDIA's driver works without a node of the kernel's own, as in containers.
  if (existsSync(join(root, 'dev/nvidiactl')) && !adapters.some(({ name }) => name.includes('NVIDIA')))
    adapters.push({ ...other, name: 'NVIDIA GPU', driver: driverOf(root, 'nvidia'), node: '/dev/nvidiactl' });
  if (existsSync(join(root, 'dev/dxg'))) adapters.push({ ...other, name: 'GPU of Windows', node: '/dev/dxg' });
  return adapters;
}

function nameOf(root: string, device: string, module: string | undefined): string {
  const [vendor, id] = [text(join(device, 'vendor')), text(join(device, 'device'))];
  const maker = makers[vendor ?? ''];
  if (vendor === undefined || id === undefined) return module === undefined ? 'GPU' : `GPU (${module})`;
  const model = modelName(root, vendor, id);
  if (model !== undefined) return maker === undefined ? model : `${maker} ${model}`;
  return `${maker ?? 'GPU'} ${id}`;
}

/** "Navi 31 [Radeon RX 7900 XTX]" -> "Radeon RX 7900 XTX", from the list that hwdata or pci.ids installs. */
function modelName(root: string, vendor: string, id: string): string | undefined {
  const file = ['usr/share/hwdata/pci.ids', 'usr/share/misc/pci.ids'].map((path) => join(root, path)).find(existsSync);
  if (file === undefined) return undefined;
  const lines = readFileSync(file, 'utf8').split('\n');
  const from = lines.findIndex((line) => line.startsWith(`${vendor.slice(2)}  `));
  if (from < 0) return undefined;
  for (const line of lines.slice(from + 1)) {
    if (/^[0-9a-f]/.test(line)) return undefined;
    if (!line.startsWith(`\t${id.slice(2)}  `)) continue;
    const name = line.slice(7).trim();
    return /\[(.+)\]/.exec(name)?.[1] ?? name;
  }
  return undefined;
}

/** NVIDIA's module has a version of its own; the others come with the kernel. */
function driverOf(root: string, module: string | undefined): string | null {
  if (module === undefined) return null;
  const version = text(join(root, 'sys/module', module, 'version'));
  return version ?? `${module} of Linux ${release()}`;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EIO', 'EINVAL')) return undefined;
    throw error;
  }
}

function linkName(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'EINVAL')) return undefined;
    throw error;
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return [];
    throw error;
  }
}
