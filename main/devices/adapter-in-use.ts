// Which adapter the driver in this process computes on, once WebGPU is open: no call of the library's says so. A driver
// of hardware keeps the kernel's file of its GPU open; one in software has none.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hasSystemCode } from '../errors.ts';

export type AdapterInUse = { isSoftware: boolean; /** Files of GPUs that are open. */ nodes: string[]; note: string };

const ofGpu = /^\/dev\/(dri\/renderD\d+|nvidiactl|nvidia\d+|dxg|kgsl-3d0|mali\d+)$/;

/** Undefined where the system does not tell: elsewhere than on Linux. */
export function adapterInUse(platform: NodeJS.Platform = process.platform): AdapterInUse | undefined {
  if (platform !== 'linux') return undefined;
  const nodes = [...new Set(openFiles())].filter((path) => ofGpu.test(path)).sort();
  if (nodes.length > 0) return { isSoftware: false, nodes, note: `computes on ${nodes.join(', ')}` };
  const name = softwareName(readFileSync('/proc/self/maps', 'utf8'));
  return { isSoftware: true, nodes, note: `is ${name ?? 'an adapter'} in software: no GPU is open` };
}

function softwareName(libraries: string): string | undefined {
  if (libraries.includes('libvk_swiftshader')) return 'SwiftShader';
  return libraries.includes('libvulkan_lvp') ? 'Lavapipe' : undefined;
}

function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)];
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT')) return []; // that of the listing itself
      throw error;
    }
  });
}
