// Runs the graphs of build-step.ts: adds up micro-batches, takes optimizer steps, evaluates. Owns the parameters and
// the optimizer's state. What a step is made of and when to stop is run.ts's business.
import type { Batch } from '../data/types.ts';
import type { Model } from '../engine/models/model.ts';
import { dropoutMaskName } from '../engine/nn/lora.ts';
import { type AdamWSettings, adamWScalars } from '../engine/optim/adamw.ts';
import { clipFactor } from '../engine/optim/clip.ts';
import { readFloat32, type Runtime, type RuntimeTensor, type Session } from '../engine/runtime/runtime.ts';
import {
  batchInputs,
  buildEvaluationGraph,
  buildGradientGraph,
  buildNormGraph,
  buildUpdateGraph,
  correctOutput,
  gradientName,
  lossOutput,
  type ParameterSpec,
  type StepSettings,
  updateNames,
} from './build-step.ts';
import { dropoutMask } from './dropout.ts';
import { collectGarbage } from './garbage.ts';
import { type FlatLayout, flatLayout, view } from './flat-parameters.ts';
import type { FrozenInputs } from './lora-values.ts';

export type StepperOptions = {
  model: Model;
  step: StepSettings;
  adamW: AdamWSettings;
  maxGradNorm: number;
  /** Folder of the checkpoint's files. */
  weightsDir?: string;
  memory: 'fast' | 'lean';
  /** Inputs of the graphs that no step changes; their values may still change before the first one. */
  frozenInputs?: FrozenInputs;
  /** Which parameters decay; all when absent. */
  decays?: (spec: ParameterSpec) => boolean;
};

/** Elements of the flat vectors that one run of the optimizer takes. */
const pieceSize = 2 ** 19;

export type BatchResult = {
  /** sum over labels of labelWeight * cross-entropy */
  loss: number;
  /** Labels guessed right. */
  correct: number;
};

export class Stepper {
  readonly layout: FlatLayout;
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
  /** Optimizer steps taken. */
  step = 0;
  readonly #gradients: Float32Array;
  readonly #runtime: Runtime;
  readonly #options: StepperOptions;
  readonly #gradientSession: Session;
  readonly #normSession: Session;
  readonly #updateSession: Session;
  #evaluationSession: Session | undefined;

  static async create(runtime: Runtime, options: StepperOptions): Promise<Stepper> {
    const { graph, parameters } = buildGradientGraph(options.model, options.step);
    const sessions = {
      gradient: await runtime.createSession(graph, sessionOptions(options, options.memory)),
      norm: await runtime.createSession(buildNormGraph(), { memory: 'fast' }),
      update: await runtime.createSession(buildUpdateGraph(options.adamW), { memory: 'fast' }),
    };
    if (options.memory === 'lean') collectGarbage();
    return new Stepper(runtime, options, flatLayout(parameters, options.decays ?? (() => true)), sessions);
  }

  private constructor(
    runtime: Runtime,
    options: StepperOptions,
    layout: FlatLayout,
    sessions: Record<'gradient' | 'norm' | 'update', Session>,
  ) {
    this.#runtime = runtime;
    this.#options = options;
    this.layout = layout;
    this.#gradientSession = sessions.gradient;
    this.#normSession = sessions.norm;
    this.#updateSession = sessions.update;
    this.parameters = new Float32Array(layout.size);
    this.firstMoments = new Float32Array(layout.size);
    this.secondMoments = new Float32Array(layout.size);
    this.#gradients = new Float32Array(layout.size);
  }

  /**
   * Adds a micro-batch's gradients to those of the step in progress. Every label weighs `labelWeight`, which is
   * 1 / labels of the whole step. `dropoutSeed` decides this micro-batch's dropout.
   */
  async accumulate(batch: Batch, labelWeight: number, dropoutSeed: number, signal?: AbortSignal): Promise<BatchResult> {
    const inputs = this.#batchTensors(batch, labelWeight);
    this.#addDropout(inputs, batch, dropoutSeed);
    const into = new Map<string, RuntimeTensor>();
    for (const slot of this.layout.slots) {
      const names = gradientName(slot.name);
      const gradient = this.#runtime.tensor('float32', slot.shape, view(this.#gradients, slot));
      inputs.set(slot.name, this.#runtime.tensor('float32', slot.shape, view(this.parameters, slot)));
      // The sum is written over what it read: nothing reads the old sum after it.
      inputs.set(names.before, gradient);
      into.set(names.after, gradient);
    }
    const result = await this.#result(await this.#gradientSession.run(inputs, into, { signal }));
    this.#dropCopies();
    return result;
  }

  /** One optimizer step with the gradients added up so far, which it clears. Returns their norm before clipping. */
  async update(learningRate: number): Promise<number> {
    const norm = await this.#gradientNorm();
    const factor = clipFactor(norm, this.#options.maxGradNorm);
    for (const [i, piece] of this.#pieces().entries()) {
      const scalars = adamWScalars(this.#options.adamW, { learningRate, step: this.step + 1, decays: piece.decay });
      const inputs = new Map<string, RuntimeTensor>([
        [updateNames.gradient, this.#flat(this.#gradients, piece)],
        [updateNames.clipFactor, this.#scalar(factor)],
        [updateNames.stepSize, this.#scalar(scalars.stepSize)],
        [updateNames.secondCorrection, this.#scalar(scalars.secondCorrection)],
        [updateNames.kept, this.#scalar(scalars.kept)],
      ]);
      const into = new Map<string, RuntimeTensor>();
      for (const [names, vector] of [
        [updateNames.parameter, this.parameters],
        [updateNames.first, this.firstMoments],
        [updateNames.second, this.secondMoments],
      ] as const) {
        const tensor = this.#flat(vector, piece);
        inputs.set(names.before, tensor);
        into.set(names.after, tensor);
      }
      await this.#updateSession.run(inputs, into);
      if (i % 4 === 3) this.#dropCopies();
    }
    this.#gradients.fill(0);
    this.step += 1;
    return norm;
  }

  /** Loss and hits of a batch without changing anything. */
  async evaluate(batch: Batch, labelWeight: number, signal?: AbortSignal): Promise<BatchResult> {
    this.#evaluationSession ??= await this.#runtime.createSession(
      buildEvaluationGraph(this.#options.model, this.#options.step),
      // Its weights stay mapped from the file, so that evaluating adds no second copy of them.
      sessionOptions(this.#options, 'lean'),
    );
    const inputs = this.#batchTensors(batch, labelWeight);
    for (const slot of this.layout.slots)
      inputs.set(slot.name, this.#runtime.tensor('float32', slot.shape, view(this.parameters, slot)));
    return this.#result(await this.#evaluationSession.run(inputs, undefined, { signal }));
  }

  /** A copy of each parameter's gradient as added up so far. */
  gradients(): Map<string, Float32Array> {
    return new Map(this.layout.slots.map((slot) => [slot.name, view(this.#gradients, slot).slice()]));
  }

  async dispose(): Promise<void> {
    await this.#gradientSession.dispose();
    await this.#normSession.dispose();
    await this.#updateSession.dispose();
    await this.#evaluationSession?.dispose();
  }

  /** Lean mode pays some milliseconds so that the runtime's copies of outputs do not pile up. */
  #dropCopies(): void {
    if (this.#options.memory === 'lean') collectGarbage();
  }

  async #gradientNorm(): Promise<number> {
    let squares = 0;
    for (const piece of this.#pieces()) {
      const gradient = this.#flat(this.#gradients, piece);
      const outputs = await this.#normSession.run(new Map([[updateNames.gradient, gradient]]));
      const [sum = Number.NaN] = await readFloat32(this.#runtime, outputs.get(updateNames.sumOfSquares));
      squares += sum;
    }
    return Math.sqrt(squares);
  }

  /** The parameters in pieces, so that an optimizer step's intermediate values stay small. */
  #pieces(): { offset: number; size: number; decay: boolean }[] {
    return this.layout.groups.flatMap(({ offset, size, decay }) =>
      Array.from({ length: Math.ceil(size / pieceSize) }, (_, i) => {
        const from = i * pieceSize;
        return { offset: offset + from, size: Math.min(pieceSize, size - from), decay };
      }),
    );
  }

  #flat(vector: Float32Array, piece: { offset: number; size: number }): RuntimeTensor {
    return this.#runtime.tensor('float32', [piece.size], view(vector, piece));
  }

  #scalar(value: number): RuntimeTensor {
    return this.#runtime.tensor('float32', [], Float32Array.of(value));
  }

  async #result(outputs: ReadonlyMap<string, RuntimeTensor>): Promise<BatchResult> {
    const [loss = Number.NaN] = await readFloat32(this.#runtime, outputs.get(lossOutput));
    const [correct = Number.NaN] = await readFloat32(this.#runtime, outputs.get(correctOutput));
    return { loss, correct };
  }

  #batchTensors(batch: Batch, labelWeight: number): Map<string, RuntimeTensor> {
    const { tensor } = this.#runtime;
    const shape = [batch.batch, batch.seq];
    const inputs = new Map<string, RuntimeTensor>([
      [batchInputs.inputIds, tensor('int32', shape, batch.inputIds)],
      [batchInputs.positionIds, tensor('int64', shape, batch.positionIds)],
      [batchInputs.visibleUntil, tensor('int32', shape, batch.visibleUntil)],
      [
        batchInputs.tokenIndex,
        tensor(
          'int32',
          [batch.seq],
          Int32Array.from({ length: batch.seq }, (_, i) => i),
        ),
      ],
      [batchInputs.zero, tensor('float32', [], Float32Array.of(0))],
    ]);
    for (const [name, { shape, data }] of this.#options.frozenInputs ?? [])
      inputs.set(name, tensor('float32', shape, data));
    const chunks = this.#options.step.headChunks;
    const size = Math.ceil(batch.labelRows.length / chunks);
    for (let chunk = 0; chunk < chunks; chunk++) {
      const [from, to] = [chunk * size, (chunk + 1) * size];
      const rows = batch.labelRows.slice(from, to);
      // Some kernels cannot take zero rows: a chunk without labels gets one of weight 0.
      const count = Math.max(1, rows.length);
      const padded = (values: Int32Array): Int32Array => (values.length === 0 ? new Int32Array(1) : values);
      const weights = new Float32Array(count).fill(rows.length === 0 ? 0 : labelWeight);
      inputs.set(batchInputs.labelRows(chunk), tensor('int32', [count], padded(rows)));
      inputs.set(batchInputs.labelIds(chunk), tensor('int32', [count], padded(batch.labelIds.slice(from, to))));
      inputs.set(batchInputs.labelWeights(chunk), tensor('float32', [count], weights));
    }
    return inputs;
  }

  #addDropout(inputs: Map<string, RuntimeTensor>, batch: Batch, seed: number): void {
    const { trained } = this.#options.step;
    if (trained.kind !== 'lora' || trained.lora.dropout === 0) return;
    const tokens = batch.batch * batch.seq;
    for (const [index, layer] of [...trained.lora.targets].entries()) {
      const [, width = 0] = this.#options.model.weightShapes.get(`${layer}.weight`) ?? [];
      const mask = dropoutMask(tokens * width, trained.lora.dropout, seed, index);
      inputs.set(dropoutMaskName(layer), this.#runtime.tensor('bool', [tokens, width], mask));
    }
  }
}

function sessionOptions(
  options: StepperOptions,
  memory: 'fast' | 'lean',
): { weightsDir?: string; memory: 'fast' | 'lean' } {
  return options.weightsDir === undefined ? { memory } : { memory, weightsDir: options.weightsDir };
}
