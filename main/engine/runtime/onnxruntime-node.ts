// The Runtime on onnxruntime-node. The only file that loads the library, and it loads it with telemetry off.
import type * as Ort from 'onnxruntime-node';
import { UserError, messageOf } from '../../errors.ts';
import { type DimBindings, evaluateDim, multipleOfName, shapeText } from '../graph/dims.ts';
import type { CompiledGraph } from '../graph/onnx.ts';
import { executionProvider, hasOwnMemory, parseDevice } from './device-name.ts';
import { libraryFolderVariable, loadInstalled } from './installed-library.ts';
import type { DType } from '../graph/tensor.ts';
import { deviceCopies } from './device-copies.ts';
import type { DeviceChoice, Runtime, RuntimeTensor, Session, SessionOptions, TensorData } from './runtime.ts';

export type RuntimeOptions = {
  /** "auto" or a device name. */
  device: string;
  /** Threads of the matrix kernels; all physical cores when absent. */
  threads?: number;
};

let library: Promise<typeof Ort> | undefined;

/** The library. It would write a device id and events below the home folder and send them; this stops it first. */
function loadLibrary(): Promise<typeof Ort> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  const installed = process.env[libraryFolderVariable];
  library ??= installed === undefined ? loadBundled() : loadWithCuda(installed);
  return library;
}

const loadBundled = (): Promise<typeof Ort> =>
  import('onnxruntime-node').then((module) => ('default' in module ? module.default : module));

/** Why CUDA is not to be had although it was installed. */
let cudaFault: string | undefined;

/** The copy that CUDA lies beside; without it there are still the other devices. */
async function loadWithCuda(folder: string): Promise<typeof Ort> {
  try {
    return (await loadInstalled(folder)) as typeof Ort;
  } catch (error) {
    cudaFault = `${messageOf(error)}: remove CUDA support and install it again`;
    console.error(`CUDA support cannot be used: ${cudaFault}`);
    return loadBundled();
  }
}

export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  const ort = await loadLibrary();
  const choice = chooseDevice(
    options.device,
    ort.listSupportedBackends().map(({ name }) => name),
  );
  const isApart = hasOwnMemory(choice.device);
  const copies = isApart ? deviceCopies(ort) : undefined;
  return {
    choice,
    hasOwnMemory: isApart,
    createSession: (graph, { resident = [], ...sessionOptions }) =>
      // CUDA's outputs always come to the host: the library answers a wish for another place with an error.
      createSession(ort, graph, { ...sessionOptions, ...(copies && { resident }) }, choice, options.threads),
    tensor: (dtype, dims, data) => {
      const values = dtype === 'int64' && data instanceof Int32Array ? BigInt64Array.from(data, BigInt) : data;
      return withDType(new ort.Tensor(dtype as Ort.Tensor.Type, values as Ort.Tensor.DataType, [...dims]));
    },
    upload: (tensor) => copies?.upload(tensor as OrtTensor) ?? Promise.resolve(tensor),
    read: async (given) => {
      const tensor = given as OrtTensor;
      const isThere = tensor.location === 'gpu-buffer';
      return (isThere && copies ? await copies.download(tensor) : tensor).data as TensorData;
    },
    dispose: (tensor) => {
      if ((tensor as OrtTensor).location === 'gpu-buffer') (tensor as OrtTensor).dispose();
    },
    close: async () => copies?.close(),
  };
}

type OrtTensor = Ort.Tensor & { dtype: DType };

/** "auto" has been decided before a process that trains is started; where it was not, nothing but the processor was tried. */
function chooseDevice(wanted: string, available: readonly string[]): DeviceChoice {
  if (wanted === 'auto') return { device: 'cpu', reason: 'no other device was tried' };
  const named = parseDevice(wanted);
  // The list has CUDA where the binding was built for it, there or not.
  const isThere =
    named.device === 'cuda' ? process.env[libraryFolderVariable] !== undefined && cudaFault === undefined : true;
  if (isThere && available.includes(named.device)) return { ...named, reason: 'the recipe asks for it' };
  if (named.device === 'cuda') throw cudaUnavailable(wanted);
  throw new UserError({
    code: 'device-unavailable',
    message: `device: "${wanted}" is not there: this system's library has ${available.join(', ')}.`,
    fix: 'Use device: auto or device: cpu.',
    commandLine: 'Use device: auto or device: cpu; `lorelei devices` lists what is there.',
  });
}

function cudaUnavailable(wanted: string): UserError {
  return new UserError({
    code: 'device-unavailable',
    message: `device: "${wanted}" cannot be used: ${cudaFault ?? 'CUDA support is not installed'}.`,
    fix: 'Install CUDA support under Settings, or use device: auto.',
    commandLine: 'lorelei devices --install-cuda, or use device: auto.',
  });
}

async function createSession(
  ort: typeof Ort,
  graph: CompiledGraph,
  options: SessionOptions,
  choice: DeviceChoice,
  threads: number | undefined,
): Promise<Session> {
  const lean = options.memory === 'lean';
  const onHost = choice.device === 'cpu';
  // A device would otherwise keep weights of 16 bits as float32, and twice: for the forward and for the backward pass.
  const disabled = lean || !onHost ? leanDisabled : [];
  const session = await createNative(ort, graph, choice.device, {
    executionProviders: [executionProvider(choice)],
    graphOptimizationLevel: 'all',
    // Shapes vary from batch to batch: a pattern would keep the sum of all peaks.
    enableMemPattern: false,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    extra: {
      session: {
        ...(options.weightsDir === undefined
          ? {}
          : { model_external_initializers_file_folder_path: options.weightsDir }),
        ...(lean ? { disable_prepacking: '1' } : {}),
        ...(onHost ? {} : deviceSession),
      },
      // Without these, weights in few bits would be decoded once and kept, and recomputed layers merged with the first.
      ...(disabled.length > 0 ? { optimization: { disable_specified_optimizers: disabled.join(';') } } : {}),
    },
    ...(options.resident && {
      preferredOutputLocation: Object.fromEntries(options.resident.map((name) => [name, 'gpu-buffer'] as const)),
    }),
  });
  // The graph's bytes are not needed any more and are not kept.
  const { name: graphName, inputs, hostDims, outputs } = graph;
  return {
    run: async (given, runOptions) => {
      runOptions?.signal?.throwIfAborted();
      const feeds: Record<string, Ort.Tensor> = {};
      const bindings: Record<string, number> = {};
      for (const input of inputs) {
        const tensor = given.get(input.name);
        if (!tensor) throw new Error(`${graphName}: the input "${input.name}" is missing`);
        bind(graphName, input, tensor, bindings);
        feeds[input.name] = tensor as OrtTensor;
      }
      for (const { name, dims } of hostDims) {
        const values = dims.map((dim) => BigInt(evaluateDim(dim, bindings)));
        feeds[name] = new ort.Tensor('int64', BigInt64Array.from(values), [dims.length]);
      }
      const fetches: Record<string, Ort.Tensor | null> = {};
      for (const name of outputs) fetches[name] = null;
      const results = await runNative(session, { graph: graphName, device: choice.device }, feeds, fetches);
      runOptions?.signal?.throwIfAborted();
      return new Map(Object.entries(results).map(([name, tensor]) => [name, withDType(tensor)]));
    },
    dispose: () => session.release(),
  };
}

/** @throws UserError "device-failed" where a device other than the processor cannot run the graph */
async function createNative(
  ort: typeof Ort,
  { name, bytes }: CompiledGraph,
  device: string,
  options: Ort.InferenceSession.SessionOptions,
): Promise<Ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(bytes, options);
  } catch (error) {
    throw outOfMemory(error, name) ?? (device === 'cpu' ? error : deviceFailed(error, name, device));
  }
}

function deviceFailed(error: unknown, graph: string, device: string): UserError {
  return new UserError(
    {
      code: 'device-failed',
      message: `${device} could not run the graph "${graph}": ${messageOf(error).trim().slice(0, 500)}`,
      fix: 'Use device: cpu.',
      commandLine: 'Use device: cpu. `lorelei devices --check` says what works on this machine.',
    },
    { cause: error },
  );
}

/**
 * The second line is WebGPU's: a buffer that was refused is invalid where it is used, a tensor of 16 GB or more cannot be
 * counted, and one that is larger than a binding takes more of them than a shader has.
 */
const outOfMemoryWords = new RegExp(
  ['alloc|out of memory', 'Invalid Buffer|narrowing_error|Too many storage buffers'].join('|'),
  'i',
);

function outOfMemory(error: unknown, graph: string): UserError | undefined {
  if (!outOfMemoryWords.test(messageOf(error))) return undefined;
  return new UserError(
    {
      code: 'out-of-memory',
      message: `There was not enough memory to run "${graph}": ${messageOf(error)}.`,
      fix: 'Set gradient_checkpointing: true, or lower per_device_train_batch_size (and raise gradient_accumulation_steps) or max_length.',
    },
    { cause: error },
  );
}

const deviceSession = {
  // An op that the device lacks is an error, not a detour through host memory in every step.
  disable_cpu_ep_fallback: '1',
  // Weights in memory of just their size: the arena of the rest grows in powers of two.
  use_device_allocator_for_initializers: '1',
};

const leanDisabled = ['ConstantFolding', 'CommonSubexpressionElimination', 'FuseFp16InitializerToFp32NodeTransformer'];

/** Learns the sizes of this run from an input's dims, and checks them against the others. */
function bind(
  graph: string,
  input: CompiledGraph['inputs'][number],
  tensor: RuntimeTensor,
  bindings: Record<string, number>,
): void {
  const fits =
    tensor.dims.length === input.shape.length &&
    input.shape.every((dim, i) => {
      const size = tensor.dims[i] ?? -1;
      if (typeof dim === 'number') return dim === size;
      const multiple = multipleOfName(dim);
      if (!multiple) return evaluateIfKnown(dim, bindings, size);
      const { name, factor } = multiple;
      return size % factor === 0 && (bindings[name] ??= size / factor) === size / factor;
    });
  if (!fits)
    throw new Error(
      `${graph}: input "${input.name}" is [${tensor.dims.join(', ')}], expected ${shapeText(input.shape)}`,
    );
}

function evaluateIfKnown(dim: Parameters<typeof evaluateDim>[0], bindings: DimBindings, size: number): boolean {
  try {
    return evaluateDim(dim, bindings) === size;
  } catch {
    return true; // its sizes are bound by a later input; ONNX Runtime checks the result
  }
}

async function runNative(
  session: Ort.InferenceSession,
  { graph, device }: { graph: string; device: string },
  feeds: Record<string, Ort.Tensor>,
  fetches: Record<string, Ort.Tensor | null>,
): Promise<Ort.InferenceSession.ReturnType> {
  try {
    return await session.run(feeds, fetches);
  } catch (error) {
    throw outOfMemory(error, graph) ?? (device === 'cpu' ? error : deviceFailed(error, graph, device));
  }
}

function withDType(tensor: Ort.Tensor): OrtTensor {
  return Object.defineProperty(tensor, 'dtype', {
    value: tensor.type,
    enumerable: false,
    configurable: true,
  }) as OrtTensor;
}
