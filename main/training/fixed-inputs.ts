// Inputs of the graphs that no step changes: what a LoRA's start has frozen, and on a device with a memory of its own
// the base model's weights, which all graphs of a run share there.
import type { CompiledGraph } from '../engine/graph/onnx.ts';
import type { Runtime, RuntimeTensor } from '../engine/runtime/runtime.ts';
import type { StoredWeight } from '../engine/nn/weights.ts';
import { pairsDType } from '../engine/nn/sixteen-bit.ts';
import type { FrozenInputs, ReadWeight } from './lora-values.ts';

/** How a base model's weights are read. */
export type WeightSource = {
  readWeight: ReadWeight;
  /** A weight's bytes as they are in the file. */
  readBytes: (name: string) => Uint8Array<ArrayBuffer>;
};

export class FixedInputs {
  readonly #runtime: Runtime;
  readonly #frozen: FrozenInputs;
  readonly #weights = new Map<string, RuntimeTensor>();
  #uploaded: Map<string, RuntimeTensor> | undefined;

  constructor(runtime: Runtime, frozen: FrozenInputs | undefined) {
    this.#runtime = runtime;
    this.#frozen = frozen ?? new Map();
  }

  /** Brings those inputs of a graph to the device that are weights, one after the other. */
  async addWeights(
    { inputs }: CompiledGraph,
    stored: ReadonlyMap<string, StoredWeight>,
    { readWeight, readBytes }: WeightSource,
  ): Promise<void> {
    for (const { name, dtype, shape } of inputs) {
      if (!stored.has(name) || this.#weights.has(name)) continue;
      const data = dtype === pairsDType ? new Uint32Array(readBytes(name).buffer) : readWeight(name);
      const values = this.#runtime.tensor(dtype, shape.map(Number), data);
      this.#weights.set(name, await this.#runtime.upload(values));
    }
  }

  async addTo(inputs: Map<string, RuntimeTensor>): Promise<void> {
    for (const [name, tensor] of this.#weights) inputs.set(name, tensor);
    if (!this.#runtime.hasOwnMemory) {
      for (const [name, tensor] of this.#wrapped()) inputs.set(name, tensor);
      return;
    }
    if (!this.#uploaded) {
      this.#uploaded = new Map();
      for (const [name, tensor] of this.#wrapped()) this.#uploaded.set(name, await this.#runtime.upload(tensor));
    }
    for (const [name, tensor] of this.#uploaded) inputs.set(name, tensor);
  }

  /** To be told when what is frozen has got other values. */
  changed(): void {
    for (const tensor of this.#uploaded?.values() ?? []) this.#runtime.dispose(tensor);
    this.#uploaded = undefined;
  }

  dispose(): void {
    this.changed();
    for (const tensor of this.#weights.values()) this.#runtime.dispose(tensor);
    this.#weights.clear();
  }

  *#wrapped(): Generator<[name: string, tensor: RuntimeTensor]> {
    for (const [name, { shape, data }] of this.#frozen) yield [name, this.#runtime.tensor('float32', shape, data)];
  }
}
