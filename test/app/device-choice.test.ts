// What device: auto takes, on machines that are not this one, and what makes a trial out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decideDevice } from '../../main/app/device-choice.ts';
import { keepProbe, knownProbes, type Probe } from '../../main/app/device-probes.ts';
import { openHome } from '../../main/app/home.ts';
import { listedDevices } from '../../main/devices/listed-devices.ts';
import type { Machine } from '../../main/devices/machine.ts';
import type { Finding } from '../../main/training/conformance.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { cudaMachine, gpuOf, machineOf } from '../support/made-up-machine.ts';

const open: Finding = { check: 'open', passed: true, detail: 'there', ms: 1 };
const good = (speedup = 9): Probe => ({
  triedAt: 1,
  outcome: 'conforms',
  findings: [open, { check: 'speed', passed: true, detail: '', ms: 1, speedup }],
});
const bad: Probe = {
  triedAt: 1,
  outcome: 'fails',
  findings: [open, { check: 'gradients', passed: false, detail: 'the gradient of A is 3 % off', ms: 1 }],
};
const software: Probe = { triedAt: 1, outcome: 'conforms', findings: [{ ...open, isSoftware: true }] };

const decide = (machine: Machine, probes: Record<string, Probe> = {}, failed: Record<string, string> = {}) =>
  decideDevice(listedDevices(machine), new Map(Object.entries(probes)), new Map(Object.entries(failed)));

describe('the order', () => {
  test.each<[string, Machine, string[]]>([
    ['Linux with two NVIDIA cards', cudaMachine(2), ['cuda:0', 'cuda:1', 'webgpu', 'cpu']],
    ['Linux with another maker’s', machineOf(), ['webgpu', 'cpu']],
    [
      'Linux on ARM',
      machineOf({ arch: 'arm64', cuda: { isOffered: false, installed: null, problems: () => [] } }),
      ['cpu'],
    ],
    [
      'Windows',
      machineOf({
        platform: 'win32',
        vulkan: undefined,
        cuda: { isOffered: false, installed: null, problems: () => [] },
      }),
      ['dml', 'webgpu', 'cpu'],
    ],
    [
      'macOS',
      machineOf({
        platform: 'darwin',
        arch: 'arm64',
        vulkan: undefined,
        cuda: { isOffered: false, installed: null, problems: () => [] },
      }),
      ['coreml', 'webgpu', 'cpu'],
    ],
  ])('%s', (_, machine, names) => {
    expect(listedDevices(machine).map(({ name }) => name)).toEqual(names);
    // What is untried comes up in this order; each that fails makes way for the next.
    const probes: Record<string, Probe> = {};
    for (const name of names.slice(0, -1)) {
      expect(decide(machine, probes)).toMatchObject({ untried: { name } });
      probes[name] = bad;
    }
    expect(decide(machine, probes)).toMatchObject({ device: 'cpu' });
  });
});

test('where the library may take either of two adapters, both are named, and no driver or memory', () => {
  const radeon = { name: 'AMD Radeon 780M', driver: '6.8.0', memoryBytes: 2 ** 29, node: '/dev/dri/renderD129' };
  const laptop = cudaMachine(1, { adapters: [...cudaMachine().adapters, radeon] });
  expect(listedDevices(laptop).find(({ name }) => name === 'webgpu')).toMatchObject({
    title: 'NVIDIA GeForce RTX 4070 or AMD Radeon 780M (WebGPU)',
    driver: null,
    memoryBytes: null,
  });
  expect(listedDevices(cudaMachine(1))[1]).toMatchObject({ driver: '580.95.05', memoryBytes: 12 * 2 ** 30 });
});

describe('the choice', () => {
  test('the first that conforms, with why the others fell out', () => {
    expect(decide(cudaMachine(), { 'cuda:0': bad, webgpu: good(14.2) })).toEqual({
      device: 'webgpu',
      reason:
        'NVIDIA GeForce RTX 4070 (WebGPU) conforms, 14 times as fast as the processor ' +
        '(cuda:0: fails at "gradients" (the gradient of A is 3 % off))',
    });
    expect(decide(cudaMachine(), { 'cuda:0': good() })).toMatchObject({ device: 'cuda:0' });
  });

  test('none that is slower than the processor', () => {
    expect(decide(machineOf(), { webgpu: good(0.8) })).toEqual({
      device: 'cpu',
      reason: "computes right, but at 0.8 times the processor's speed",
    });
  });

  test('none that computes in software, be it seen before or by the trial', () => {
    expect(decide(machineOf(), { webgpu: software })).toMatchObject({ device: 'cpu' });
    const lavapipe = [{ file: 'lvp_icd.x86_64.json', version: '1', isSoftware: true }];
    expect(decide(machineOf({ vulkan: { hasLoader: true, drivers: lavapipe } }))).toMatchObject({ device: 'cpu' });
  });

  test.each<[string, Machine, string]>([
    ['no GPU', machineOf({ adapters: [] }), 'no GPU was found'],
    ['LORELEI_GPU=off', machineOf({ isOff: true, adapters: [] }), 'LORELEI_GPU is off'],
    [
      'no loader',
      machineOf({ vulkan: { hasLoader: false, drivers: [] } }),
      'the Vulkan loader is missing (libvulkan.so.1)',
    ],
  ])('with %s nothing is tried', (_, machine, reason) => {
    expect(decide(machine)).toEqual({ device: 'cpu', reason });
  });

  test('without CUDA support, or with what speaks against it, WebGPU is next', () => {
    const problems = () => [{ code: 'cuda-driver-old', message: 'The driver is old.', fix: 'Update it.' }];
    for (const cuda of [
      { isOffered: true, installed: null, problems: () => [] },
      { isOffered: true, installed: '1.30.0', problems },
    ])
      expect(decide(cudaMachine(1, { cuda }))).toMatchObject({ untried: { name: 'webgpu' } });
  });

  test('what could not train this model makes way', () => {
    const failed = { 'cuda:0': 'there was not enough memory' };
    expect(decide(cudaMachine(2), { 'cuda:0': good(), 'cuda:1': good() }, failed)).toMatchObject({
      device: 'cuda:1',
      reason: expect.stringContaining('cuda:0: there was not enough memory') as string,
    });
  });
});

describe('trials are kept', () => {
  const folder = tempFolder();
  const app = { home: openHome(join(folder.path, 'home')) };
  const file = join(app.home.cache, 'device-probes.json');
  const machine = cudaMachine(2);
  const known = (changes: Partial<Machine> = {}) => [...knownProbes(app, { ...machine, ...changes }).keys()].sort();

  test('until something changes that they hang on', () => {
    for (const device of ['webgpu', 'cuda:0', 'cuda:1']) keepProbe(app, machine, { device, ...good() });
    const all = ['cuda:0', 'cuda:1', 'webgpu'];
    expect(known()).toEqual(all);
    // Memory comes and goes with what shares it.
    expect(known({ memoryBytes: 1 })).toEqual(all);
    for (const changes of [{ release: '6.9.0' }, { library: '1.31.0' }, { processor: 'Another' }])
      expect(known(changes), JSON.stringify(changes)).toEqual([]);
    // A card's own driver and CUDA support are nothing to the others.
    expect(known({ gpus: [gpuOf(0), gpuOf(1, { driver: '590.1' })] })).toEqual(['cuda:0', 'webgpu']);
    expect(known({ cuda: { ...machine.cuda, installed: '1.31.0' } })).toEqual(['webgpu']);
    expect(known({ adapters: [] })).toEqual(['cuda:0', 'cuda:1']);
    const drivers = [{ file: 'radeon_icd.x86_64.json', version: '2', isSoftware: false }];
    expect(known({ vulkan: { hasLoader: true, drivers } })).toEqual(['cuda:0', 'cuda:1']);
  });

  test('a file that is damaged, or another version’s, says nothing and is replaced', () => {
    const entries = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    writeFileSync(file, JSON.stringify({ ...entries, webgpu: { outcome: 'perhaps' } }));
    expect(known()).toEqual(['cuda:0', 'cuda:1']);
    for (const text of ['{"webgpu": {"key"', '[]', 'null']) {
      writeFileSync(file, text);
      expect(known()).toEqual([]);
    }
    keepProbe(app, machine, { device: 'webgpu', ...bad });
    expect(knownProbes(app, machine).get('webgpu')).toMatchObject({ outcome: 'fails', findings: bad.findings });
  });
});
