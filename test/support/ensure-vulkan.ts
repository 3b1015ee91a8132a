// The system's Vulkan loader, which WebGPU needs on Linux: whether it is there, and its installation where that may be
// done without asking.
import { existsSync } from 'node:fs';

const places = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

export function hasVulkan(has: (path: string) => boolean = existsSync): boolean {
  return places.some((folder) => has(`${folder}/libvulkan.so.1`));
}

/** What to do where tests on WebGPU cannot run. */
export function adviceForVulkan(hasDriver: boolean): string {
  if (process.platform !== 'linux') return 'they run on Linux only.';
  return hasDriver
    ? 'the Vulkan loader is missing ("sudo apt-get install libvulkan1").'
    : 'there is no SwiftShader (Debian’s chromium brings it).';
}
