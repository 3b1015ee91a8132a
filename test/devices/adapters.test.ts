// What systems tell of their graphics adapters, as they tell it.
import { mkdirSync, symlinkSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linuxAdapters } from '../../main/devices/linux-adapters.ts';
import { macAdaptersIn } from '../../main/devices/mac-adapters.ts';
import { manifestFiles, vulkanHere } from '../../main/devices/vulkan.ts';
import { windowsAdaptersIn } from '../../main/devices/windows-adapters.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;

/** A root folder with these files, and links to the modules that drive devices. */
function rootWith(files: Record<string, string>, modules: Record<string, string> = {}): string {
  const root = `root${++count}`;
  for (const [path, text] of Object.entries(files)) folder.write(join(root, path), text);
  for (const [node, module] of Object.entries(modules)) {
    const link = join(folder.path, root, 'sys/class/drm', node, 'device/driver');
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(`/sys/bus/pci/drivers/${module}`, link);
  }
  return join(folder.path, root);
}

const card = (node: string, vendor: string, device: string, more: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries({ vendor, device, ...more }).map(([name, text]) => [
      `sys/class/drm/${node}/device/${name}`,
      `${text}\n`,
    ]),
  );

describe('Linux', () => {
  test('a card of AMD: its name in the list of PCI ids, its memory, the kernel as the driver’s version', () => {
    const ids = '1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t744c  Navi 31 [Radeon RX 7900 XTX]\n10de  NVIDIA\n';
    const root = rootWith(
      {
        ...card('renderD128', '0x1002', '0x744c', { mem_info_vram_total: '25753026560' }),
        'usr/share/misc/pci.ids': ids,
      },
      { renderD128: 'amdgpu' },
    );
    expect(linuxAdapters(root)).toEqual([
      {
        name: 'AMD Radeon RX 7900 XTX',
        driver: `amdgpu of Linux ${release()}`,
        memoryBytes: 25753026560,
        node: '/dev/dri/renderD128',
      },
    ]);
  });

  test('NVIDIA’s module has a version; without a list of names the id is shown', () => {
    const files = { ...card('renderD129', '0x10de', '0x2786'), 'sys/module/nvidia/version': '580.95.05\n' };
    expect(linuxAdapters(rootWith(files, { renderD129: 'nvidia' }))).toMatchObject([
      { name: 'NVIDIA 0x2786', driver: '580.95.05', memoryBytes: null },
    ]);
  });

  test('NVIDIA in a container and a GPU of Windows have no node of the kernel’s', () => {
    const root = rootWith({ 'dev/nvidiactl': '', 'dev/dxg': '' });
    expect(linuxAdapters(root).map(({ name }) => name)).toEqual(['NVIDIA GPU', 'GPU of Windows']);
  });

  test('neither a screen without a render node nor a pretended GPU counts', () => {
    const root = rootWith({ 'sys/class/drm/card0/device/vendor': '0x1234\n' }, { renderD128: 'vgem' });
    expect(linuxAdapters(root)).toEqual([]);
    expect(linuxAdapters(join(folder.path, 'nowhere'))).toEqual([]);
  });

  test('drivers of Vulkan are found where its loader looks, and those in software are known', () => {
    const manifest = (library: string) => JSON.stringify({ ICD: { library_path: library, api_version: '1.3' } });
    folder.write('data/vulkan/icd.d/radeon_icd.x86_64.json', manifest('/usr/lib/libvulkan_radeon.so'));
    folder.write('data/vulkan/icd.d/lvp_icd.x86_64.json', manifest('libvulkan_lvp.so'));
    folder.write('data/vulkan/icd.d/broken.json', '{');
    const swiftShader = folder.write('chromium/vk_swiftshader_icd.json', manifest('./libvk_swiftshader.so'));
    const none = join(folder.path, 'none');
    const environment = {
      XDG_DATA_DIRS: join(folder.path, 'data'),
      XDG_DATA_HOME: none,
      XDG_CONFIG_HOME: none,
      XDG_CONFIG_DIRS: none,
    };
    const drivers = (more = {}) =>
      vulkanHere(folder.path, { ...environment, ...more }).drivers.map(({ file, isSoftware }) => [
        file.replace(/.*\//, ''),
        isSoftware,
      ]);
    // The system's own folder /etc may have others.
    expect(drivers()).toEqual(
      expect.arrayContaining([
        ['lvp_icd.x86_64.json', true],
        ['radeon_icd.x86_64.json', false],
      ]),
    );
    expect(drivers()).not.toContainEqual(['broken.json', expect.anything()]);
    // Named ones take the place of all others.
    expect(drivers({ VK_ICD_FILENAMES: swiftShader })).toEqual([['vk_swiftshader_icd.json', true]]);
    expect(manifestFiles({ ...environment, VK_DRIVER_FILES: join(folder.path, 'chromium') })).toEqual([swiftShader]);
  });
});

test('Windows: one or several controllers; what it shows without a GPU or for a remote screen is left out', () => {
  const radeon = { Name: 'AMD Radeon 780M Graphics', DriverVersion: '32.0.21030.2001', AdapterRAM: 536870912 };
  expect(windowsAdaptersIn(radeon)).toEqual([
    { name: 'AMD Radeon 780M Graphics', driver: '32.0.21030.2001', memoryBytes: 536870912 },
  ]);
  const others = ['Microsoft Basic Display Adapter', 'Microsoft Remote Display Adapter', 'Microsoft Hyper-V Video'];
  // 4293918720 is what its 32 bits say of any card with 4 GB or more.
  const big = { Name: 'NVIDIA GeForce RTX 4070', DriverVersion: '32.0.15.8115', AdapterRAM: 4293918720 };
  const listed = [...others.map((Name) => ({ Name, DriverVersion: '10.0', AdapterRAM: 0 })), big];
  expect(windowsAdaptersIn(listed)).toEqual([
    { name: 'NVIDIA GeForce RTX 4070', driver: '32.0.15.8115', memoryBytes: null },
  ]);
  expect(windowsAdaptersIn(undefined)).toEqual([]);
});

test('macOS: the chip’s name', () => {
  const report = {
    SPDisplaysDataType: [{ _name: 'kHW_AppleM3ProItem', sppci_model: 'Apple M3 Pro', sppci_cores: '18' }],
  };
  expect(macAdaptersIn(report)).toMatchObject([{ name: 'Apple M3 Pro', memoryBytes: null }]);
  expect(macAdaptersIn(undefined)).toEqual([]);
});
