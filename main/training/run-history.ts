// The course of a run as the model card draws it: kept small enough to lie in every checkpoint.
import type { LossHistory } from '../checkpoints/model-card.ts';
import type { Metrics } from '../../preload/contract.ts';

/** More points than a picture has columns are of no use. */
const mostLosses = 4000;

export class RunHistory {
  #losses: { step: number; loss: number }[];
  readonly #evaluations: { step: number; metrics: Metrics }[];
  /** Only every so many steps are kept. */
  #stride = 1;

  constructor(state: LossHistory = { losses: [], evaluations: [] }) {
    this.#losses = [...state.losses];
    this.#evaluations = state.evaluations.map(({ step, metrics }) => ({ step, metrics }));
    const [first, second] = this.#losses;
    if (first && second) this.#stride = Math.max(1, second.step - first.step);
  }

  get state(): LossHistory {
    return { losses: this.#losses, evaluations: this.#evaluations };
  }

  addStep(step: number, loss: number): void {
    if ((step - 1) % this.#stride !== 0) return;
    this.#losses.push({ step, loss });
    if (this.#losses.length <= mostLosses) return;
    this.#stride *= 2;
    this.#losses = this.#losses.filter((point) => (point.step - 1) % this.#stride === 0);
  }

  addEvaluation(step: number, metrics: Metrics): void {
    this.#evaluations.push({ step, metrics });
  }
}
