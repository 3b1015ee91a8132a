// The double of ONNX Runtime's buffers on WebGPU, by its rules: sizes are those of buckets, and what is given back can be
// taken again once the work in progress is done.
import { expect, test } from 'vitest';
import { GpuBuffers } from '../../../main/engine/runtime/gpu-buffers.ts';

test('buffers are as large as their bucket, those beyond the last as large as they are', () => {
  const buffers = new GpuBuffers();
  expect(buffers.allocate(1).bytes).toBe(64);
  expect(buffers.allocate(4_194_304).bytes).toBe(4_194_304);
  expect(buffers.allocate(4_194_305).bytes).toBe(8_388_608);
  expect(buffers.allocate(200_000_001).bytes).toBe(200_000_016);
  expect(buffers.heldBytes).toBe(64 + 4_194_304 + 8_388_608 + 200_000_016);
});

test('what is given back can be taken after 16 nodes, or at the end of a run', () => {
  const buffers = new GpuBuffers();
  const size = 1_048_576;
  buffers.free(buffers.allocate(size));
  for (let node = 0; node < 15; node++) buffers.afterNode();
  const second = buffers.allocate(size);
  expect(buffers.heldBytes).toBe(2 * size);
  buffers.afterNode();
  buffers.allocate(size);
  expect(buffers.heldBytes).toBe(2 * size);
  buffers.free(second);
  buffers.finish();
  buffers.allocate(size);
  expect(buffers.heldBytes).toBe(2 * size);
});

test('a bucket keeps only so many, and nothing is kept beyond the last', () => {
  const buffers = new GpuBuffers();
  const three = [1, 2, 3].map(() => buffers.allocate(44_236_800));
  const large = buffers.allocate(170_000_000);
  expect(buffers.peakBytes).toBe(3 * 44_236_800 + 170_000_000);
  for (const buffer of [...three, large]) buffers.free(buffer);
  buffers.finish();
  expect(buffers.heldBytes).toBe(2 * 44_236_800);
  expect(buffers.peakBytes).toBe(3 * 44_236_800 + 170_000_000);
});
