// Without CUDA support, or with a damaged one, CUDA is refused with the reason, and the processor goes on.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { executionProvider, parseDevice } from '../../../main/engine/runtime/device-name.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const scratch = tempFolder();
beforeEach(() => vi.resetModules());
afterEach(() => vi.unstubAllEnvs());

/** A process has one library: each test takes the module anew. */
const open = async (device: string) => {
  const { openRuntime } = await import('../../../main/engine/runtime/onnxruntime-node.ts');
  return openRuntime({ device });
};

test('names of devices become what ONNX Runtime takes', () => {
  expect(executionProvider(parseDevice('cuda'))).toEqual({ name: 'cuda', deviceId: 0 });
  expect(executionProvider(parseDevice('cuda:1'))).toEqual({ name: 'cuda', deviceId: 1 });
  expect(executionProvider(parseDevice('webgpu'))).toBe('webgpu');
});

test.each(['cuda', 'cuda:3'])('%s is refused where CUDA support is not installed', async (device) => {
  vi.stubEnv('LORELEI_ONNXRUNTIME', undefined);
  await expect(open(device)).rejects.toMatchObject({
    code: 'device-unavailable',
    message: `device: "${device}" cannot be used: CUDA support is not installed.`,
  });
});

test('a damaged one is not loaded: the reason is told, and the processor goes on', async () => {
  mkdirSync(join(scratch.path, 'lib'));
  writeFileSync(join(scratch.path, 'lib', 'libonnxruntime_providers_cuda.so'), 'changed');
  const sha256 = { 'lib/libonnxruntime_providers_cuda.so': '0'.repeat(64) };
  writeFileSync(join(scratch.path, 'installed.json'), JSON.stringify({ sha256 }));
  vi.stubEnv('LORELEI_ONNXRUNTIME', scratch.path);
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect((await open('cpu')).choice.device).toBe('cpu');
  expect(said.mock.calls.flat().join(' ')).toContain('is not the file that was installed');
  await expect(open('cuda')).rejects.toMatchObject({
    code: 'device-unavailable',
    message: expect.stringContaining('libonnxruntime_providers_cuda.so') as string,
  });
});
