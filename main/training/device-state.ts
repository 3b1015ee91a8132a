// Parameters, gradients and AdamW's averages in the memory of a device, where they stay from step to step: only the
// norm of the gradients comes to the host. Other optimizers move the parameters at home, which costs a trip per step.
import { adamFactors } from '../engine/optim/adamw.ts';
import { readFloat32, type Runtime, type RuntimeTensor, type Session } from '../engine/runtime/runtime.ts';
import { gradientName } from './build-step.ts';
import {
  buildAdamWGraph,
  buildSquaresGraph,
  squaresOutput,
  type StateKind,
  stateKinds,
  stateName,
  updateInputs,
} from './build-update.ts';
import { type Slot, view } from './flat-parameters.ts';
import { isPlainAdamW, learnsFaster } from './optimizer.ts';
import { type Home, stepAtHome, type TrainedState } from './trained-state.ts';

type Resident = Record<StateKind, RuntimeTensor>;

export class DeviceState implements TrainedState {
  readonly #runtime: Runtime;
  readonly #home: Home;
  readonly #zeros = new Map<string, RuntimeTensor>();
  /** One a slot; undefined where the home has what is newest. */
  #resident: Resident[] | undefined;
  /** Undefined where they are all 0. */
  #gradients: RuntimeTensor[] | undefined;
  #homeIsCurrent = true;
  #sessions: { squares: Session; adamW: Session } | undefined;

  constructor(runtime: Runtime, home: Home) {
    this.#runtime = runtime;
    this.#home = home;
  }

  async parameters(): Promise<readonly RuntimeTensor[]> {
    return (await this.#atDevice()).map(({ parameter }) => parameter);
  }

  async gradients(): Promise<readonly RuntimeTensor[]> {
    if (this.#gradients) return this.#gradients;
    const zeros: RuntimeTensor[] = [];
    for (const slot of this.#slots) zeros.push(await this.#zerosLike(slot));
    return zeros;
  }

  keepGradients(outputs: ReadonlyMap<string, RuntimeTensor>): Promise<void> {
    const after = this.#slots.map(({ name }) => present(outputs, gradientName(name).after));
    this.dropGradients();
    this.#gradients = after;
    return Promise.resolve();
  }

  async readGradients(): Promise<readonly Float32Array[]> {
    const values: Float32Array[] = [];
    for (const gradient of await this.gradients()) values.push(await readFloat32(this.#runtime, gradient));
    return values;
  }

  dropGradients(): void {
    this.#drop(this.#gradients ?? []);
    this.#gradients = undefined;
  }

  async update(learningRate: number): Promise<number> {
    const norm = this.#runsHere ? await this.#updateHere(learningRate) : await this.#updateAtHome(learningRate);
    this.dropGradients();
    return norm;
  }

  async fetchHome(): Promise<void> {
    if (this.#homeIsCurrent || !this.#resident) return;
    for (const [i, slot] of this.#slots.entries())
      for (const kind of stateKinds) {
        const tensor = this.#resident[i]?.[kind];
        this.#atHome(kind, slot).set(await readFloat32(this.#runtime, tensor));
      }
    this.#homeIsCurrent = true;
  }

  homeChanged(): void {
    for (const resident of this.#resident ?? []) this.#drop(Object.values(resident));
    this.#resident = undefined;
    this.#homeIsCurrent = true;
  }

  async dispose(): Promise<void> {
    this.homeChanged();
    this.dropGradients();
    this.#drop(this.#zeros.values());
    this.#zeros.clear();
    await this.#sessions?.squares.dispose();
    await this.#sessions?.adamW.dispose();
    this.#sessions = undefined;
  }

  get #slots(): readonly Slot[] {
    return this.#home.layout.slots;
  }

  /** Whether the optimizer is one that the device runs. */
  get #runsHere(): boolean {
    return isPlainAdamW(this.#home.optimizer.settings.optim);
  }

  async #atDevice(): Promise<readonly Resident[]> {
    if (this.#resident) return this.#resident;
    const resident: Resident[] = [];
    // Whoever moves parameters at home has no use for the averages here.
    const kinds: readonly StateKind[] = this.#runsHere ? stateKinds : ['parameter'];
    for (const slot of this.#slots) {
      const tensors: Partial<Resident> = {};
      for (const kind of kinds) {
        const values = this.#runtime.tensor('float32', slot.shape, this.#atHome(kind, slot));
        tensors[kind] = await this.#runtime.upload(values);
      }
      resident.push(tensors as Resident);
    }
    this.#resident = resident;
    return resident;
  }

  #atHome(kind: StateKind, slot: Slot): Float32Array {
    const { parameters, optimizer } = this.#home;
    if (kind === 'parameter') return view(parameters, slot);
    const data = optimizer.state().tensors.get(`${kind}.${slot.name}`)?.data;
    if (data instanceof Float32Array) return data;
    throw new Error(`the optimizer has no ${kind} of ${slot.name}`);
  }

  async #updateHere(learningRate: number): Promise<number> {
    const { layout, optimizer, lossScaler } = this.#home;
    this.#sessions ??= {
      squares: await this.#runtime.createSession(buildSquaresGraph(layout), { memory: 'fast' }),
      adamW: await this.#runtime.createSession(buildAdamWGraph(layout, optimizer.settings, groupOf), {
        memory: 'fast',
        resident: this.#slots.flatMap(({ name }) => stateKinds.map((kind) => stateName(kind, name).after)),
      }),
    };
    const gradients = await this.gradients();
    const byName = this.#slots.map(({ name }, i) => [gradientName(name).after, at(gradients, i)] as const);
    const squares = await this.#sessions.squares.run(new Map(byName));
    const [sum = Number.NaN] = await readFloat32(this.#runtime, squares.get(squaresOutput));
    const scale = lossScaler?.scale ?? 1;
    const norm = Math.sqrt(sum) / scale;
    lossScaler?.update(Number.isFinite(norm));
    if (lossScaler && !Number.isFinite(norm)) return norm;
    const scalarsOf = optimizer.beginStep(norm, learningRate);
    const inputs = new Map(byName);
    const scalar = (name: string, value: number): void => {
      inputs.set(name, this.#runtime.tensor('float32', [], Float32Array.of(value)));
    };
    const before = await this.#atDevice();
    for (const [i, slot] of this.#slots.entries()) {
      for (const kind of stateKinds) inputs.set(stateName(kind, slot.name).before, at(before, i)[kind]);
      const factors = adamFactors(optimizer.settings, scalarsOf(slot));
      scalar(updateInputs.gradientScale, factors.gradientScale / scale);
      scalar(updateInputs.secondCorrection, factors.secondCorrection);
      scalar(updateInputs.stepSize(groupOf(slot)), factors.stepSize);
      scalar(updateInputs.kept(groupOf(slot)), factors.kept);
    }
    const outputs = await this.#sessions.adamW.run(inputs);
    for (const old of before) this.#drop(Object.values(old));
    this.#resident = this.#slots.map(({ name }) => {
      const moved = (kind: StateKind): RuntimeTensor => present(outputs, stateName(kind, name).after);
      return { parameter: moved('parameter'), exp_avg: moved('exp_avg'), exp_avg_sq: moved('exp_avg_sq') };
    });
    this.#homeIsCurrent = false;
    return norm;
  }

  async #updateAtHome(learningRate: number): Promise<number> {
    const norm = stepAtHome(this.#home, await this.readGradients(), learningRate);
    this.homeChanged();
    return norm;
  }

  /** One for all parameters of a shape. */
  async #zerosLike({ shape, size }: Slot): Promise<RuntimeTensor> {
    const key = shape.join();
    const zeros =
      this.#zeros.get(key) ??
      (await this.#runtime.upload(this.#runtime.tensor('float32', shape, new Float32Array(size))));
    this.#zeros.set(key, zeros);
    return zeros;
  }

  #drop(tensors: Iterable<RuntimeTensor>): void {
    for (const tensor of tensors) this.#runtime.dispose(tensor);
  }
}

/** Parameters with the same weight decay and learning rate. */
function groupOf(slot: Slot): string {
  return `${slot.decay ? 'decay' : 'still'}.${learnsFaster(slot) ? 'faster' : 'plain'}`;
}

function present(tensors: ReadonlyMap<string, RuntimeTensor>, name: string): RuntimeTensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`no tensor is named "${name}"`);
  return tensor;
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no slot ${index}`);
  return item;
}
