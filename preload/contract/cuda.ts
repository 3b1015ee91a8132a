// CUDA support: whether it is installed, what it needs of the machine, and its installation, which belongs to the program
// and not to a window: it goes on without one.
import { z } from 'zod';
import { errorDetails } from './records.ts';

/** A library of NVIDIA's that CUDA support asks for. */
export const cudaPart = z.object({
  name: z.string(),
  title: z.string(),
  /** Null where it is missing. */
  path: z.string().nullable(),
  /** NVIDIA's package for pip that has it. */
  pip: z.string(),
});
export type CudaPart = z.infer<typeof cudaPart>;
/** What speaks against it, and what to do. */
export type CudaProblem = z.infer<typeof errorDetails>;

export const cudaGpu = z.object({
  index: z.number(),
  name: z.string(),
  driver: z.string(),
  memoryBytes: z.number().nullable(),
  computeCapability: z.string().nullable(),
});

export const cudaInstall = z.object({
  state: z.enum(['idle', 'running', 'paused', 'failed']),
  /** "Downloading", "Unpacking". */
  phase: z.string(),
  done: z.number(),
  total: z.number().nullable(),
  error: errorDetails.nullable(),
});
export type CudaInstall = z.infer<typeof cudaInstall>;

export const cudaChanged = z.object({ type: z.literal('cuda-changed'), install: cudaInstall });

export const cudaReport = z.object({
  /** What would be installed; null on systems for which there is none. */
  offered: z.object({ name: z.string(), version: z.string(), host: z.string() }).nullable(),
  installed: z.object({ version: z.string(), source: z.string(), folder: z.string(), bytes: z.number() }).nullable(),
  gpus: z.array(cudaGpu),
  parts: z.array(cudaPart),
  problems: z.array(errorDetails),
});
export type CudaReport = z.infer<typeof cudaReport>;

const nothing = z.strictObject({});

export const cudaCommands = {
  'cuda.describe': { input: nothing, output: cudaReport },
  'cuda.installing': { input: nothing, output: cudaInstall },
  /** From a file that the window was granted, or from the feed; goes on with what came of a download. */
  'cuda.install': { input: z.strictObject({ file: z.string().optional() }), output: nothing },
  'cuda.pause': { input: nothing, output: nothing },
  /** Throws away what came. */
  'cuda.cancel': { input: nothing, output: nothing },
  'cuda.remove': { input: nothing, output: z.strictObject({ removed: z.boolean() }) },
};
