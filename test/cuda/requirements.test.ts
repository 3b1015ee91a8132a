// What CUDA needs of a machine is read from the libraries and found, or explained.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { neededLibraries } from '../../main/cuda/elf.ts';
import { cudaEnvironment } from '../../main/cuda/environment.ts';
import { findLibrary, foldersToAdd, searchPlaces, type SearchPlaces } from '../../main/cuda/loader-path.ts';
import { gpuUsage, listGpus } from '../../main/cuda/nvidia-smi.ts';
import { listVisibleGpus } from '../../main/cuda/visible-gpus.ts';
import { cudaProblems, isOlder, neededParts } from '../../main/cuda/requirements.ts';
import { pipCommand } from '../../main/hosts/cli/cuda-on-terminal.ts';
import { cudaInstallation } from '../support/cuda-installation.ts';
import { elfNeeding } from '../support/elf-file.ts';
import { fakeNvidiaSmi } from '../support/fake-nvidia-smi.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder();
let count = 0;
afterEach(() => vi.unstubAllEnvs());

// As readelf shows it of the wheel's library.
const ofCuda13 = [
  'libcublasLt.so.13',
  'libcublas.so.13',
  'libcurand.so.10',
  'libcudart.so.13',
  'libcuda.so.1',
  'libc.so.6',
];
const nowhere: SearchPlaces = { loader: [], cache: new Map(), others: [] };

function installed(needed = ofCuda13) {
  const home = join(scratch.path, `home${count++}`);
  return { home, installation: cudaInstallation(home, needed) };
}

test.runIf(process.platform === 'linux')('reads what a real library needs', () => {
  const node = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const binding = join(node, 'bin/napi-v6/linux/x64/onnxruntime_binding.node');
  // As readelf --dynamic shows it.
  expect(neededLibraries(binding)).toEqual([
    'libonnxruntime.so.1',
    'libstdc++.so.6',
    'libm.so.6',
    'libgcc_s.so.1',
    'libc.so.6',
  ]);
  expect(neededLibraries(scratch.write('words', 'hello'))).toBeUndefined();
  expect(neededLibraries(scratch.write('elf', elfNeeding(ofCuda13)))).toEqual(ofCuda13);
});

test('every part that is missing is named with its package for the right CUDA', () => {
  const { home, installation } = installed();
  const parts = neededParts(installation, nowhere);
  expect(parts.map(({ name }) => name)).toEqual([
    'libcublasLt.so.13',
    'libcublas.so.13',
    'libcurand.so.10',
    'libcudart.so.13',
    'libcudnn.so.9',
  ]);
  const gpu = { index: 0, name: 'A card', driver: '580.65.06', memoryBytes: 1, computeCapability: '8.6' };
  const problems = cudaProblems(parts, [gpu]);
  expect(problems.map(({ message }) => message)).toContain('cuBLAS for CUDA 13 is missing (libcublas.so.13).');
  expect(pipCommand(parts, home)).toBe(
    `pip install --target ${join(home, 'cuda', 'site-packages')} nvidia-cublas nvidia-curand nvidia-cuda-runtime nvidia-cudnn-cu13`,
  );
  const older = neededParts(installed(ofCuda13.map((name) => name.replace('.13', '.12'))).installation, nowhere);
  expect([...new Set(older.map(({ pip }) => pip))]).toEqual([
    'nvidia-cublas-cu12',
    'nvidia-curand-cu12',
    'nvidia-cuda-runtime-cu12',
    'nvidia-cudnn-cu12',
  ]);
});

test('drivers and cards that are too old are told apart from none', () => {
  const parts = neededParts(installed().installation, nowhere);
  const codes = (gpus: Parameters<typeof cudaProblems>[1]): string[] =>
    cudaProblems(parts, gpus)
      .map(({ code, message }) => `${code} ${message}`)
      .filter((one) => !one.includes('missing'));
  const card = { index: 1, name: 'Old card', driver: '535.183.01', memoryBytes: 1, computeCapability: '6.1' };
  expect(codes([])).toEqual([expect.stringMatching(/^cuda-no-driver /)]);
  expect(codes([card])).toEqual([
    'cuda-driver-old The NVIDIA driver is 535.183.01, and CUDA 13 wants 580.65.06 or newer.',
    'cuda-gpu-old GPU 1 (Old card) has compute capability 6.1, and CUDA 13 wants 7.5 or newer.',
  ]);
  expect(codes([{ ...card, driver: '580.95.05', computeCapability: '7.5' }])).toEqual([]);
  expect(isOlder('525.60.13', '525.60.13')).toBe(false);
  expect(isOlder('525.60.9', '525.60.13')).toBe(true);
  expect(isOlder('1000.1', '580.65.06')).toBe(false);
});

test("finds libraries on the loader's path, and in folders that have to be added to it", () => {
  const { home, installation } = installed();
  const site = join(home, 'cuda', 'site-packages', 'nvidia');
  const put = (folder: string, name: string): void => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), '');
  };
  for (const name of ['libcublasLt.so.13', 'libcublas.so.13']) put(join(site, 'cu13', 'lib'), name);
  put(join(site, 'cudnn', 'lib'), 'libcudnn.so.9');
  const own = join(scratch.path, 'own');
  put(own, 'libcudart.so.13');
  put(join(scratch.path, 'venv/lib/python3.12/site-packages/nvidia/curand/lib'), 'libcurand.so.10');
  vi.stubEnv('LD_LIBRARY_PATH', own);
  vi.stubEnv('VIRTUAL_ENV', join(scratch.path, 'venv'));
  const places = searchPlaces(home);
  expect(findLibrary('libcudart.so.13', places)).toEqual({ path: join(own, 'libcudart.so.13'), isOnLoaderPath: true });
  const parts = neededParts(installation, places);
  expect(parts.every(({ path }) => path !== null)).toBe(true);
  const added = [
    join(site, 'cu13', 'lib'),
    join(scratch.path, 'venv/lib/python3.12/site-packages/nvidia/curand/lib'),
    join(site, 'cudnn', 'lib'),
  ];
  expect(foldersToAdd(parts.flatMap(({ found }) => found ?? []))).toEqual(added);
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  expect(cudaEnvironment(home)).toEqual({
    LORELEI_ONNXRUNTIME: installation.folder,
    LD_LIBRARY_PATH: [...added, own].join(':'),
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    NVIDIA_TF32_OVERRIDE: '0',
  });
  expect(cudaEnvironment(join(scratch.path, 'empty'))).toEqual({});
});

test('reads what the driver tells, and takes no answer for no GPU', async () => {
  vi.stubEnv('PATH', '/nonexistent');
  expect(await listGpus()).toEqual([]);
  const folder = join(scratch.path, 'bin');
  fakeNvidiaSmi(folder, [
    {
      index: 0,
      name: 'NVIDIA GeForce RTX 3060',
      driver: '580.95.05',
      total: 12288,
      used: 3000,
      utilization: 87,
      capability: '8.6',
    },
    {
      index: 1,
      name: 'NVIDIA T4',
      driver: '580.95.05',
      total: 15360,
      used: 10,
      utilization: '[N/A]',
      capability: '[N/A]',
    },
  ]);
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  const gpus = await listGpus();
  expect(gpus[0]).toEqual({
    index: 0,
    uuid: 'GPU-0',
    name: 'NVIDIA GeForce RTX 3060',
    driver: '580.95.05',
    memoryBytes: 12_884_901_888,
    computeCapability: '8.6',
  });
  expect(gpus[1]?.computeCapability).toBeNull();
  expect(await gpuUsage(0)).toEqual({
    memoryBytes: 3_145_728_000,
    totalMemoryBytes: 12_884_901_888,
    utilizationPercent: 87,
  });
  expect(await gpuUsage(1)).toEqual({
    memoryBytes: 10_485_760,
    totalMemoryBytes: 16_106_127_360,
    utilizationPercent: null,
  });
  // CUDA's own documentation on CUDA_VISIBLE_DEVICES: an order of one's own, up to the first that is not there.
  const seen = async (visible?: string) =>
    (await listVisibleGpus(visible)).map(({ device, name }) => `${device} ${name.replace(/^NVIDIA /, '')}`);
  expect(await seen()).toEqual(['cuda:0 GeForce RTX 3060', 'cuda:1 T4']);
  expect(await seen('1,0')).toEqual(['cuda:0 T4', 'cuda:1 GeForce RTX 3060']);
  expect(await seen(' GPU-1')).toEqual(['cuda:0 T4']);
  expect(await seen('0,7,1')).toEqual(['cuda:0 GeForce RTX 3060']);
  for (const none of ['', '-1', 'MIG-4b3c', 'NoDevFiles']) expect(await seen(none)).toEqual([]);
  writeFileSync(
    join(folder, 'nvidia-smi'),
    '#!/bin/sh\necho "Failed to initialize NVML: Driver/library version mismatch"\nexit 18\n',
  );
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await listGpus()).toEqual([]);
});
