// What a device has to show before anything is trained on it: real training steps of a small model, each beside the same
// steps on the processor. The short form decides what `device: auto` may take; the long one is `lorelei devices --check`.
// It may end its process together with a driver, so nothing else should live there.
import type { AutocastSettings } from '../engine/graph/autocast.ts';
import { GraphBuilder } from '../engine/graph/builder.ts';
import { symbol } from '../engine/graph/dims.ts';
import { type CompiledGraph, toOnnx } from '../engine/graph/onnx.ts';
import { sftObjective } from '../engine/losses/sft.ts';
import { LossScaler } from '../engine/optim/loss-scaler.ts';
import { openRuntime } from '../engine/runtime/onnxruntime-node.ts';
import type { Runtime } from '../engine/runtime/runtime.ts';
import type { Batch } from '../data/types.ts';
import { messageOf, UserError } from '../errors.ts';
import { roundMs } from './device-speed.ts';
import { type LoadedModel, loadModel, weightReader, weightSource } from './load-model.ts';
import { loraStart } from './lora-start.ts';
import { mayComputeIn16Bits } from './precision.ts';
import { Stepper } from './stepper.ts';

export const conformanceChecks = [
  'gradients',
  'recomputation',
  'steps',
  'bf16',
  'fp16',
  'abort',
  'memory',
  'speed',
] as const;
export type ConformanceCheck = (typeof conformanceChecks)[number];

export type Finding = {
  /** open: whether the device is there; process, exit: what became of the process that tried it, and how it ended. */
  check: ConformanceCheck | 'open' | 'process' | 'exit';
  passed: boolean;
  /** What was measured, or what went wrong. */
  detail: string;
  ms: number;
  /** Of "open", where it can be told: whether the adapter computes on the processor. */
  isSoftware?: boolean;
  /** Of "bf16" and "fp16": whether products are computed in it. A device need not; one that does, and wrongly, fails. */
  computes?: boolean;
  /** Of "speed": how many times as fast as the processor. */
  speedup?: number;
};

type Shown = Pick<Finding, 'detail' | 'isSoftware' | 'speedup' | 'computes'>;

export type ConformanceOptions = {
  device: string;
  /** Folder of a small model. */
  modelPath: string;
  checks: readonly ConformanceCheck[];
  /** Tells of the adapter once the device is open, where the system can. */
  adapterInUse?: () => { isSoftware: boolean; note: string } | undefined;
  onFinding?: (finding: Finding) => void;
};

/** float32 sums in another order, and drivers that multiply and add in one or in two roundings. */
const lossTolerance = 1e-4;
const gradientTolerance = 1e-3;

/** Runs the checks in turn. A check that throws has failed; the next one has a runtime of its own. */
export async function checkConformance({
  device,
  modelPath,
  checks,
  adapterInUse,
  onFinding,
}: ConformanceOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = async (check: Finding['check'], run: () => Promise<Shown>): Promise<boolean> => {
    const started = performance.now();
    const outcome = await run().then(
      (shown) => ({ passed: true, ...shown }),
      (error: unknown) => ({ passed: false, detail: messageOf(error).trim() }),
    );
    const finding = { check, ...outcome, ms: performance.now() - started };
    findings.push(finding);
    onFinding?.(finding);
    return finding.passed;
  };
  const loaded = loadModel(modelPath);
  const host = await openRuntime({ device: 'cpu' });
  let there: Runtime | undefined;
  const opened = await find('open', async () => {
    there = await openRuntime({ device });
    const session = await there.createSession(smallestGraph(), { memory: 'fast' });
    const adapter = adapterInUse?.();
    await session.dispose();
    const { device: name } = there.choice;
    if (adapter === undefined) return { detail: `${name} is there` };
    return { detail: `${name} ${adapter.note}`, isSoftware: adapter.isSoftware };
  });
  if (!opened || !there) return findings;
  const place = { loaded, host, there, isSoftware: findings[0]?.isSoftware === true };
  for (const check of checks) await find(check, () => runs[check](place));
  await there.close();
  return findings;
}

type Place = { loaded: LoadedModel; host: Runtime; there: Runtime; isSoftware: boolean };

const runs: Record<ConformanceCheck, (place: Place) => Promise<Shown>> = {
  gradients: async (place) => ({ detail: await compareGradients(place, false) }),
  recomputation: async (place) => ({ detail: await compareGradients(place, true) }),
  steps: async (place) => ({ detail: await compareSteps(place) }),
  bf16: async (place) => compareFormat(place, 'bfloat16'),
  fp16: async (place) => compareFormat(place, 'float16'),
  abort: async (place) => ({ detail: await abortAndRerun(place) }),
  memory: async ({ there }) => ({ detail: await runOutOfMemory(there) }),
  speed: compareSpeed,
};

/** A slower device conforms as well; it is only not worth taking. */
async function compareSpeed({ host, there, isSoftware }: Place): Promise<Shown> {
  if (isSoftware) return { detail: 'not measured: it computes on the processor' };
  if (there.choice.device === 'cpu') return { detail: 'not measured: it is the processor' };
  const here = await roundMs(host);
  const onDevice = await roundMs(there, here);
  const speedup = here / onDevice;
  const pace = `${speedup.toPrecision(2)} times the processor's speed`;
  return { detail: `${onDevice.toFixed(1)} ms instead of ${here.toFixed(1)}: ${pace}`, speedup };
}

async function compareGradients({ loaded, host, there }: Place, recompute: boolean): Promise<string> {
  const [expected, found] = [
    await gradientsOn(host, loaded, { recompute }),
    await gradientsOn(there, loaded, { recompute }),
  ];
  return compare(expected, found, { loss: lossTolerance, gradient: gradientTolerance });
}

type Gradients = { loss: number; gradients: ReadonlyMap<string, Float32Array> };
type Way = { recompute: boolean; autocast?: AutocastSettings };

async function gradientsOn(runtime: Runtime, loaded: LoadedModel, way: Way): Promise<Gradients> {
  const batch = madeUpBatch(loaded, 2, 24, 1);
  return withStepper(runtime, loaded, way, async (stepper) => {
    const { loss } = await stepper.accumulate(batch, 1 / batch.labelIds.length, 7);
    return { loss, gradients: await stepper.gradients() };
  });
}

/**
 * Beside the processor, which rounds as the format does and multiplies in float32. Sums in another order end on the other
 * side of a rounding here and there, and what follows differs by some roundings.
 */
async function compareFormat({ loaded, host, there }: Place, format: AutocastSettings['format']): Promise<Shown> {
  const { device } = there.choice;
  if (!mayComputeIn16Bits(device))
    return { detail: `not computed in: ${device} multiplies in float32`, computes: false };
  let found: Gradients;
  try {
    found = await gradientsOn(there, loaded, { recompute: false, autocast: { format } });
  } catch (error) {
    return { detail: `not computed in: ${messageOf(error).trim()}`, computes: false };
  }
  const expected = await gradientsOn(host, loaded, { recompute: false, autocast: { format, emulated: true } });
  const rounding = format === 'float16' ? 2 ** -11 : 2 ** -8;
  return { detail: compare(expected, found, { loss: 2 * rounding, gradient: 20 * rounding }), computes: true };
}

function compare(expected: Gradients, found: Gradients, tolerance: { loss: number; gradient: number }): string {
  requireClose('the loss', found.loss, expected.loss, tolerance.loss);
  let worst = { name: '', error: 0 };
  for (const [name, gradient] of found.gradients) {
    const error = relativeError(gradient, expected.gradients.get(name) ?? new Float32Array());
    if (!(error <= worst.error)) worst = { name, error };
  }
  if (!(worst.error < tolerance.gradient))
    throw new Error(`the gradient of ${worst.name} is ${percent(worst.error)} off`);
  return `loss ${found.loss.toFixed(6)}, ${found.gradients.size} gradients within ${percent(worst.error)} of the processor's`;
}

/** Micro-batches of two shapes add up to each step, so that gradients and the optimizer's state have to last. */
async function compareSteps({ loaded, host, there }: Place): Promise<string> {
  const steps = 4;
  const losses = async (runtime: Runtime): Promise<number[]> =>
    withStepper(runtime, loaded, { recompute: false }, async (stepper) => {
      const seen: number[] = [];
      for (let step = 0; step < steps; step++) {
        let loss = 0;
        for (const [micro, batch] of [madeUpBatch(loaded, 2, 16, 2), madeUpBatch(loaded, 1, 24, 3)].entries())
          loss += (await stepper.accumulate(batch, 1 / batch.labelIds.length / 2, 10 * step + micro)).loss;
        seen.push(loss, await stepper.update(1e-2));
      }
      return seen;
    });
  const [expected, found] = [await losses(host), await losses(there)];
  for (const [i, value] of expected.entries())
    requireClose(
      `the ${i % 2 === 0 ? 'loss' : 'gradient norm'} of step ${(i >> 1) + 1}`,
      found[i] ?? Number.NaN,
      value,
      1e-3,
    );
  return `${steps} optimizer steps: loss ${found[0]?.toFixed(4)} to ${found.at(-2)?.toFixed(4)}, as on the processor`;
}

async function abortAndRerun({ loaded, there }: Place): Promise<string> {
  return withStepper(there, loaded, { recompute: false }, async (stepper) => {
    const batch = madeUpBatch(loaded, 1, 16, 4);
    const before = await stepper.evaluate(batch, 1);
    const abort = new AbortController();
    const run = stepper.evaluate(batch, 1, abort.signal);
    abort.abort(new Error('given up'));
    const outcome = await run.then(
      () => 'finished',
      (error: unknown) => messageOf(error),
    );
    if (outcome !== 'given up') throw new Error(`a run that was given up ${outcome}`);
    const after = await stepper.evaluate(batch, 1);
    if (after.loss !== before.loss)
      throw new Error(`the loss was ${before.loss}, and ${after.loss} after giving up a run`);
    return 'a run was given up, and the next one gave the same loss to the last bit';
  });
}

/** Says whether a device is there. */
export function smallestGraph(): CompiledGraph {
  const g = new GraphBuilder();
  return toOnnx(g.finish('smallest', [{ name: 'y', tensor: g.neg(g.input('x', 'float32', [1])) }]));
}

/** Takes rows squared numbers in between. */
export function outerProductGraph(): CompiledGraph {
  const g = new GraphBuilder();
  const rows = symbol('rows');
  const column = g.input('column', 'float32', [rows, 1]);
  const row = g.reshape(g.input('row', 'float32', [rows]), [1, rows]);
  const tensor = g.reduceSum(g.mul(column, row), [0, 1], false);
  return toOnnx(g.finish('outer product', [{ name: 'y', tensor }]));
}

/** 4 TB: more than any device has. */
const hugeRows = 2 ** 20;

/** Asks for more memory than there is, and for a little afterwards. */
async function runOutOfMemory(runtime: Runtime): Promise<string> {
  const session = await runtime.createSession(outerProductGraph(), { memory: 'fast' });
  const run = (size: number) =>
    session.run(
      new Map([
        ['column', runtime.tensor('float32', [size, 1], new Float32Array(size).fill(1))],
        ['row', runtime.tensor('float32', [size], new Float32Array(size).fill(1))],
      ]),
    );
  const outcome = await run(hugeRows).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) throw new Error('4 TB were handed out');
  if (!(outcome instanceof UserError) || outcome.code !== 'out-of-memory')
    throw new Error(`4 TB were refused with an error that is not understood: ${messageOf(outcome)}`);
  const y = (await run(2)).get('y');
  const [sum] = y ? ((await runtime.read(y)) as Float32Array) : [];
  await session.dispose();
  if (sum !== 4) throw new Error(`after 4 TB were refused, 2 x 2 ones add up to ${sum}`);
  return '4 TB were refused in words, and the session goes on';
}

async function withStepper<T>(
  runtime: Runtime,
  loaded: LoadedModel,
  { recompute, autocast }: Way,
  use: (stepper: Stepper) => Promise<T>,
): Promise<T> {
  const recipe = {
    lora_r: 4,
    lora_alpha: 8,
    lora_dropout: 0.1,
    use_rslora: false,
    seed: 1,
    lora_target_modules: ['all-linear'],
  };
  const lora = loraStart(recipe, loaded.model, weightReader(loaded));
  const stepper = await Stepper.create(runtime, {
    model: loaded.model,
    step: {
      trained: { kind: 'lora', lora: lora.settings, stored: loaded.stored },
      objective: sftObjective('nll'),
      recompute,
      headChunks: recompute ? 2 : 1,
      neftuneAlpha: 0,
      queryBlocks: recompute ? 2 : 1,
      maxPositions: 64,
      autocast,
    },
    // Small enough for the gradients of any small model, and large enough to lift them off the end of float16.
    lossScaler: autocast?.format === 'float16' ? new LossScaler({ scale: 256, growthTracker: 0 }) : undefined,
    optimizer: { optim: 'adamw_torch', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 },
    weightsDir: loaded.weightsDir,
    weightSource: weightSource(loaded),
    memory: recompute ? 'lean' : 'fast',
    frozenInputs: lora.frozenInputs,
  });
  try {
    lora.initialize(stepper.layout, stepper.parameters);
    // B begins as 0, which would leave the gradients of A 0, too.
    for (const [i, value] of stepper.parameters.entries())
      if (value === 0) stepper.parameters[i] = (((i * 7919) % 1009) / 1009 - 0.5) * 0.05;
    stepper.homeChanged();
    return await use(stepper);
  } finally {
    await stepper.dispose();
  }
}

/** Rows of made-up tokens, the last one shorter; every token but the first of a row is a label. */
function madeUpBatch({ model }: LoadedModel, rows: number, length: number, seed: number): Batch {
  const lengths = Array.from({ length: rows }, (_, row) => (row > 0 && row === rows - 1 ? length - 5 : length));
  const inputIds = Int32Array.from(
    { length: rows * length },
    (_, i) => 3 + ((i * 7919 + seed * 104729) % (model.vocabSize - 3)),
  );
  const labelRows = lengths.flatMap((tokens, row) => Array.from({ length: tokens - 1 }, (_, i) => row * length + i));
  return {
    batch: rows,
    seq: length,
    inputIds,
    positionIds: Int32Array.from({ length: rows * length }, (_, i) => i % length),
    visibleUntil: Int32Array.from({ length: rows * length }, (_, i) => lengths[Math.floor(i / length)] ?? 0),
    labelRows: Int32Array.from(labelRows),
    labelIds: Int32Array.from(labelRows, (row) => inputIds[row + 1] ?? 0),
    sequences: 1,
    membership: new Float32Array(labelRows.length).fill(1),
    tokenCount: lengths.reduce((a, b) => a + b, 0),
  };
}

function requireClose(what: string, found: number, expected: number, tolerance: number): void {
  const error = Math.abs(found - expected) / Math.abs(expected);
  if (!(error < tolerance)) throw new Error(`${what} is ${found}, on the processor ${expected}`);
}

/** |found - expected| / |expected| as vectors. */
function relativeError(found: Float32Array, expected: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += ((found[i] ?? Number.NaN) - (expected[i] ?? 0)) ** 2;
    size += (expected[i] ?? 0) ** 2;
  }
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
