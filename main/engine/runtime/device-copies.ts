// Brings tensors to a device and back. The node binding has no call for either, and its getData() of a tensor on a
// device ends the process; so graphs that only pass their input on do it.
import type * as Ort from 'onnxruntime-node';
import { GraphBuilder } from '../graph/builder.ts';
import { symbol } from '../graph/dims.ts';
import { toOnnx } from '../graph/onnx.ts';
import type { DType } from '../graph/tensor.ts';

export type DeviceCopies = {
  upload<T extends Ort.Tensor>(tensor: T): Promise<T>;
  download<T extends Ort.Tensor>(tensor: T): Promise<T>;
  close(): Promise<void>;
};

export function deviceCopies(ort: typeof Ort): DeviceCopies {
  const sessions = new Map<string, Promise<Ort.InferenceSession>>();
  const sessionFor = ({ type, dims }: Ort.Tensor, goesUp: boolean): Promise<Ort.InferenceSession> => {
    const key = `${goesUp ? 'up' : 'down'} ${type} ${dims.length}`;
    const session =
      sessions.get(key) ??
      ort.InferenceSession.create(passingOn(type as DType, dims.length), {
        executionProviders: ['webgpu'],
        extra: { session: { disable_cpu_ep_fallback: '1' } },
        ...(goesUp ? { preferredOutputLocation: { passed: 'gpu-buffer' } as const } : {}),
      });
    sessions.set(key, session);
    return session;
  };
  const pass = async <T extends Ort.Tensor>(given: T, goesUp: boolean): Promise<T> => {
    const session = await sessionFor(given, goesUp);
    const { passed } = await session.run({ given });
    if (!passed) throw new Error('a copy has no output');
    return Object.defineProperty(passed, 'dtype', { value: given.type, configurable: true }) as T;
  };
  return {
    upload: (tensor) => pass(tensor, true),
    download: (tensor) => pass(tensor, false),
    close: async () => {
      const open = await Promise.all(sessions.values());
      sessions.clear();
      for (const session of open) await session.release();
    },
  };
}

function passingOn(dtype: DType, rank: number): Uint8Array {
  const g = new GraphBuilder();
  const shape = Array.from({ length: rank }, (_, axis) => symbol(`size${axis}`));
  return toOnnx(g.finish('copy', [{ name: 'passed', tensor: g.input('given', dtype, shape) }])).bytes;
}
