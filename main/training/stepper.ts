// Runs the graphs of build-step.ts: adds up micro-batches, has the optimizer move the parameters, evaluates. Where all
// that lives is trained-state.ts's; what a step is made of and when to stop is run.ts's business.
import { padBatch } from '../data/batches.ts';
import type { Batch } from '../data/types.ts';
import type { Model } from '../engine/models/model.ts';
import type { LossScale, LossScaler } from '../engine/optim/loss-scaler.ts';
import { dropoutMaskName } from '../engine/nn/lora.ts';
import { readFloat32, type Runtime, type RuntimeTensor, type Session } from '../engine/runtime/runtime.ts';
import {
  batchInputs,
  buildEvaluationGraph,
  buildGradientGraph,
  gradientName,
  lossOutput,
  type ParameterSpec,
  scoresOutput,
  type StepSettings,
} from './build-step.ts';
import { DeviceState } from './device-state.ts';
import { derivedSeed, dropoutMask, uniformNoise } from './dropout.ts';
import { FixedInputs, type WeightSource } from './fixed-inputs.ts';
import { type FlatLayout, flatLayout } from './flat-parameters.ts';
import { collectGarbage } from './garbage.ts';
import { hostState } from './host-state.ts';
import { Optimizer, type OptimizerSettings } from './optimizer.ts';
import type { FrozenInputs } from './lora-values.ts';
import type { TrainedState } from './trained-state.ts';

export type StepperOptions = {
  model: Model;
  step: StepSettings;
  optimizer: OptimizerSettings;
  /** Folder of the checkpoint's files. */
  weightsDir?: string;
  /** Reads frozen weights for a device that has a memory of its own. */
  weightSource?: WeightSource;
  memory: 'fast' | 'lean';
  /** Inputs of the graphs that no step changes; their values may still change before the first one. */
  frozenInputs?: FrozenInputs;
  /** Scales the loss: for products in float16. */
  lossScaler?: LossScaler | undefined;
  /** Which parameters decay; all when absent. */
  decays?: (spec: ParameterSpec) => boolean;
};

export type BatchResult = {
  /** Scaled as it was asked for. */
  loss: number;
  /** [sequences, columns] sums over the labels of each sequence: see scoreColumns. */
  scores: Float32Array;
};

export class Stepper {
  readonly layout: FlatLayout;
  /**
   * Parameters and optimizer in host memory. On a device with a memory of its own they are as they were when fetchHome
   * was called, and whoever writes to them calls homeChanged.
   */
  readonly parameters: Float32Array;
  readonly optimizer: Optimizer;
  readonly lossScaler: LossScaler | undefined;
  #skippedSteps = 0;
  readonly #state: TrainedState;
  readonly #fixed: FixedInputs;
  readonly #runtime: Runtime;
  readonly #options: StepperOptions;
  readonly #gradientSession: Session;
  #evaluationSession: Session | undefined;

  static async create(runtime: Runtime, given: StepperOptions): Promise<Stepper> {
    const options = { ...given, step: { ...given.step, weightsAreFed: runtime.hasOwnMemory } };
    const { graph, parameters } = buildGradientGraph(options.model, options.step);
    const fixed = new FixedInputs(runtime, options.frozenInputs);
    const { trained } = options.step;
    if (runtime.hasOwnMemory && trained.kind === 'lora') {
      if (!options.weightSource) throw new Error(`${runtime.choice.device} needs weights, and nothing reads them`);
      await fixed.addWeights(graph, trained.stored, options.weightSource);
    }
    const resident = parameters.map(({ name }) => gradientName(name).after);
    const session = await runtime.createSession(graph, { ...sessionOptions(options, options.memory), resident });
    if (options.memory === 'lean') collectGarbage();
    const layout = flatLayout(parameters, options.decays ?? (() => true));
    return new Stepper(runtime, options, layout, { session, fixed });
  }

  private constructor(
    runtime: Runtime,
    options: StepperOptions,
    layout: FlatLayout,
    { session, fixed }: { session: Session; fixed: FixedInputs },
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.layout = layout;
    this.#gradientSession = session;
    this.#fixed = fixed;
    this.optimizer = new Optimizer(layout, options.optimizer);
    this.lossScaler = options.lossScaler;
    this.parameters = new Float32Array(layout.size);
    this.#state = runtime.hasOwnMemory ? new DeviceState(runtime, this) : hostState(runtime, this);
  }

  /**
   * Adds a micro-batch's gradients to those of the step in progress. The objective's loss is multiplied with `scale`:
   * in fine-tuning, 1 / labels of the whole step. `seed` decides what is random in
   * this micro-batch: dropout and noise.
   */
  async accumulate(batch: Batch, scale: number, seed: number, signal?: AbortSignal): Promise<BatchResult> {
    const lossScale = this.lossScaler?.scale ?? 1;
    const { loss, scores } = await this.#addGradients(batch, scale * lossScale, seed, signal);
    // Here, where nothing holds the inputs any more: dropout's masks are larger than the copies of the outputs.
    this.#dropCopies();
    return { loss: loss / lossScale, scores };
  }

  /** Forgets the gradients added up so far. */
  discard(): void {
    this.#state.dropGradients();
    this.#dropCopies();
  }

  /** Optimizer steps taken, and those that were skipped. */
  get step(): number {
    return this.optimizer.stepsTaken + this.#skippedSteps;
  }

  /** Steps whose gradients had overflowed under the scale of the loss. */
  get skippedSteps(): number {
    return this.#skippedSteps;
  }

  /**
   * One optimizer step with the gradients added up so far, which it clears. Returns their norm before clipping; where the
   * loss is scaled, one that is not finite says that the step was skipped.
   */
  async update(learningRate: number): Promise<number> {
    const norm = await this.#state.update(learningRate);
    this.#dropCopies();
    if (this.lossScaler && !Number.isFinite(norm)) this.#skippedSteps += 1;
    return norm;
  }

  /** Goes on where a checkpoint was saved that says this of skipped steps; the scale only where this run has one, too. */
  restoreScale({ skippedSteps, ...scale }: LossScale & { skippedSteps: number }): void {
    this.#skippedSteps = skippedSteps;
    this.lossScaler?.restore(scale);
  }

  /** Loss and scores of a batch without changing anything. */
  async evaluate(batch: Batch, scale: number, signal?: AbortSignal): Promise<BatchResult> {
    this.#evaluationSession ??= await this.#runtime.createSession(
      buildEvaluationGraph(this.#options.model, this.#options.step),
      // Its weights stay mapped from the file, so that evaluating adds no second copy of them.
      sessionOptions(this.#options, 'lean'),
    );
    const inputs = this.#batchTensors(batch, scale);
    await this.#fixed.addTo(inputs);
    await this.#addParameters(inputs);
    return this.#result(await this.#evaluationSession.run(inputs, { signal }));
  }

  /** A copy of each parameter's gradient as added up so far. */
  async gradients(): Promise<Map<string, Float32Array>> {
    const values = await this.#state.readGradients();
    const scale = this.lossScaler?.scale ?? 1;
    return new Map(
      this.layout.slots.map(({ name }, i) => [name, values[i]?.map((value) => value / scale) ?? new Float32Array()]),
    );
  }

  /** Makes `parameters` and `optimizer` what they are on the device. */
  fetchHome(): Promise<void> {
    return this.#state.fetchHome();
  }

  /** To be called after writing to `parameters`, to the optimizer's state or to the frozen inputs. */
  homeChanged(): void {
    this.#state.homeChanged();
    this.#fixed.changed();
  }

  async dispose(): Promise<void> {
    await this.#state.dispose();
    this.#fixed.dispose();
    await this.#gradientSession.dispose();
    await this.#evaluationSession?.dispose();
  }

  async #addGradients(batch: Batch, scale: number, seed: number, signal?: AbortSignal): Promise<BatchResult> {
    const inputs = this.#batchTensors(batch, scale);
    this.#addDropout(inputs, batch, seed);
    this.#addNoise(inputs, batch, seed);
    await this.#fixed.addTo(inputs);
    await this.#addParameters(inputs);
    const before = await this.#state.gradients();
    for (const [i, { name }] of this.layout.slots.entries()) {
      const gradient = before[i];
      if (gradient) inputs.set(gradientName(name).before, gradient);
    }
    const outputs = await this.#gradientSession.run(inputs, { signal });
    await this.#state.keepGradients(outputs);
    return this.#result(outputs);
  }

  async #addParameters(inputs: Map<string, RuntimeTensor>): Promise<void> {
    const parameters = await this.#state.parameters();
    for (const [i, { name }] of this.layout.slots.entries()) {
      const parameter = parameters[i];
      if (parameter) inputs.set(name, parameter);
    }
  }

  /** Lean mode pays some milliseconds so that the runtime's copies of outputs do not pile up. */
  #dropCopies(): void {
    if (this.#options.memory === 'lean') collectGarbage();
  }

  async #result(outputs: ReadonlyMap<string, RuntimeTensor>): Promise<BatchResult> {
    const [loss = Number.NaN] = await readFloat32(this.#runtime, outputs.get(lossOutput));
    return { loss, scores: await readFloat32(this.#runtime, outputs.get(scoresOutput)) };
  }

  #batchTensors(given: Batch, scale: number): Map<string, RuntimeTensor> {
    const { tensor } = this.#runtime;
    const blocks = this.#options.step.queryBlocks;
    const batch = padBatch(given, blocks);
    const shape = [batch.batch, batch.seq];
    const inputs = new Map<string, RuntimeTensor>([
      [batchInputs.inputIds, tensor('int32', shape, batch.inputIds)],
      [batchInputs.positionIds, tensor('int64', [batch.batch * batch.seq, 1], batch.positionIds)],
      [batchInputs.positions, tensor('float32', shape, Float32Array.from(batch.positionIds))],
      [batchInputs.visibleUntil, tensor('int32', shape, batch.visibleUntil)],
      [
        batchInputs.tokenIndex,
        tensor(
          'int32',
          [blocks, batch.seq / blocks],
          Int32Array.from({ length: batch.seq }, (_, i) => i),
        ),
      ],
      [batchInputs.zero, tensor('float32', [], Float32Array.of(0))],
    ]);
    for (const [name, { dims, data }] of batch.extra ?? []) inputs.set(name, tensor('float32', dims, data));
    inputs.set(batchInputs.lossScale, tensor('float32', [], Float32Array.of(scale)));
    const chunks = chunksOfLabels(batch.labelRows.length, this.#options.step.headChunks);
    const pick = (values: Int32Array, places: readonly number[]): Int32Array =>
      Int32Array.from(places, (place) => values[place] ?? 0);
    for (const [chunk, places] of chunks.entries()) {
      inputs.set(batchInputs.labelRows(chunk), tensor('int32', [places.length], pick(batch.labelRows, places)));
      inputs.set(batchInputs.labelIds(chunk), tensor('int32', [places.length], pick(batch.labelIds, places)));
    }
    const order = chunks.flat();
    const count = batch.labelRows.length;
    const membership = Float32Array.from({ length: batch.sequences * order.length }, (_, i) => {
      const place = order[i % order.length] ?? noLabel;
      return place === noLabel ? 0 : (batch.membership[Math.floor(i / order.length) * count + place] ?? 0);
    });
    inputs.set(batchInputs.membership, tensor('float32', [batch.sequences, order.length], membership));
    if (this.#options.step.objective.discounts) {
      const discounts = Float32Array.from(order, (place) => batch.labelDiscounts?.[place] ?? 1);
      inputs.set(batchInputs.labelDiscounts, tensor('float32', [order.length], discounts));
    }
    return inputs;
  }

  /** NEFTune's: uniform, of size alpha / sqrt(tokens of a row * hidden). */
  #addNoise(inputs: Map<string, RuntimeTensor>, batch: Batch, seed: number): void {
    const { neftuneAlpha, queryBlocks } = this.#options.step;
    if (neftuneAlpha === 0) return;
    const { hiddenSize } = this.#options.model;
    const seq = Math.ceil(batch.seq / queryBlocks) * queryBlocks;
    const magnitude = neftuneAlpha / Math.sqrt(batch.seq * hiddenSize);
    const noise = uniformNoise(batch.batch * seq * hiddenSize, magnitude, derivedSeed(seed, noiseStream));
    const tensor = this.#runtime.tensor('float32', [batch.batch, seq, hiddenSize], noise);
    inputs.set(batchInputs.neftuneNoise, tensor);
  }

  #addDropout(inputs: Map<string, RuntimeTensor>, batch: Batch, seed: number): void {
    const { trained } = this.#options.step;
    if (trained.kind !== 'lora' || trained.lora.dropout === 0) return;
    const { queryBlocks } = this.#options.step;
    const seq = Math.ceil(batch.seq / queryBlocks) * queryBlocks;
    for (const [index, layer] of [...trained.lora.targets].entries()) {
      const [, width = 0] = this.#options.model.weightShapes.get(`${layer}.weight`) ?? [];
      const mask = dropoutMask(batch.batch * batch.seq * width, trained.lora.dropout, seed, index);
      const wide = widenRows(mask, { rows: batch.batch, from: batch.seq * width, to: seq * width });
      inputs.set(dropoutMaskName(layer), this.#runtime.tensor('bool', [batch.batch * seq, width], wide));
    }
  }
}

function sessionOptions(
  options: StepperOptions,
  memory: 'fast' | 'lean',
): { weightsDir?: string; memory: 'fast' | 'lean' } {
  return options.weightsDir === undefined ? { memory } : { memory, weightsDir: options.weightsDir };
}

/** Keeps noise apart from the dropout of layers. */
const noiseStream = 0x4e;

/** In place of a label: a row whose membership is 0. */
const noLabel = -1;

/** Places of the labels of each head chunk. Some kernels cannot take zero rows: a chunk without labels gets one of no weight. */
function chunksOfLabels(labels: number, chunks: number): number[][] {
  const size = Math.ceil(labels / chunks);
  return Array.from({ length: chunks }, (_, chunk) => {
    const from = chunk * size;
    const length = Math.max(0, Math.min(size, labels - from));
    return length === 0 ? [noLabel] : Array.from({ length }, (_, i) => from + i);
  });
}

/** Rows of `from` values made `to` long with zeros. */
function widenRows(values: Uint8Array, { rows, from, to }: { rows: number; from: number; to: number }): Uint8Array {
  if (from === to) return values;
  const wide = new Uint8Array(rows * to);
  for (let row = 0; row < rows; row++) wide.set(values.subarray(row * from, (row + 1) * from), row * to);
  return wide;
}
