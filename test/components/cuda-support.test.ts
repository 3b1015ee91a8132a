// Installing CUDA support as the window shows it: how far it is, a pause, what went wrong, a cancel and the end.
import { beforeEach, expect, test } from 'vitest';
import { page } from 'vitest/browser';
import type { CudaInstall, CudaReport } from '../../preload/contract.ts';
import CudaSupport from '../../renderer/settings/CudaSupport.svelte';
import { answerFor, asked, tell } from '../support/component-page.ts';
import { show } from '../support/mount-component.ts';

const idle: CudaInstall = { state: 'idle', phase: '', done: 0, total: null, error: null };
const gpu = { index: 0, name: 'A card', driver: '580.95.05', memoryBytes: 8 * 2 ** 30, computeCapability: '8.9' };
const offered = { name: 'Microsoft.ML.OnnxRuntime.Gpu.Linux', version: '1.30.0', host: 'packages.example' };
let report: CudaReport;
const commands = (): string[] => asked.map(({ command }) => command).filter((name) => !name.includes('describe'));
const button = (name: string) => page.getByRole('button', { name, exact: true });
const become = (install: Partial<CudaInstall>): void =>
  tell({ type: 'cuda-changed', install: { ...idle, ...install } });

beforeEach(async () => {
  report = { offered, installed: null, gpus: [gpu], parts: [], problems: [] };
  answerFor('cuda.describe', () => report);
  answerFor('cuda.installing', () => idle);
  for (const name of ['cuda.install', 'cuda.pause', 'cuda.cancel'] as const) answerFor(name, () => ({}));
  show(CudaSupport, {});
  await expect.element(button('Install CUDA support')).toBeVisible();
  asked.length = 0;
});

test('shows how far it is, pauses, goes on and ends', async () => {
  await button('Install CUDA support').click();
  expect(commands()).toEqual(['cuda.install']);
  become({ state: 'running', phase: 'Downloading', done: 100e6, total: 250e6 });
  await expect.element(page.getByText('Downloading: 100 MB of 250 MB')).toBeVisible();
  const bar = page.getByRole('progressbar', { name: 'Installing CUDA support' });
  expect((bar.element() as HTMLProgressElement).position).toBeCloseTo(0.4);
  await button('Pause').click();
  expect(commands().at(-1)).toBe('cuda.pause');
  become({ state: 'paused', phase: 'Downloading', done: 120e6 });
  await expect.element(page.getByText('Paused: 120 MB are here.')).toBeVisible();
  await expect.element(bar).not.toBeInTheDocument();
  await button('Go on').click();
  expect(commands().at(-1)).toBe('cuda.install');
  become({ state: 'running', phase: 'Unpacking', done: 300e6, total: 320e6 });
  await expect.element(page.getByText('Unpacking: 300 MB of 320 MB')).toBeVisible();
  const folder = '/home/cuda/1.30.0';
  report = { ...report, installed: { version: '1.30.0', source: offered.name, folder, bytes: 320e6 } };
  become({});
  await expect.element(page.getByText(/^CUDA support is installed/)).toBeVisible();
  await expect.element(button('Remove')).toBeVisible();
});

test('says what went wrong, and a cancel leads back to the beginning', async () => {
  const error = { code: 'disk-full', message: 'The disk became full.', fix: 'Free some space, then go on.' };
  become({ state: 'failed', phase: 'Downloading', done: 5e6, total: 250e6, error });
  await expect.element(page.getByText('It did not succeed.')).toBeVisible();
  await expect.element(page.getByText('The disk became full.')).toBeVisible();
  await expect.element(page.getByText('Free some space, then go on.')).toBeVisible();
  await button('Cancel').click();
  expect(commands()).toEqual(['cuda.cancel']);
  become({});
  await expect.element(button('Install CUDA support')).toBeVisible();
});
