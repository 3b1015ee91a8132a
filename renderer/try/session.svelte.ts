// What is asked and what was answered. It outlives the screen, and the question outlives the window.
import type { PromptTemplate, Side, SideAnswer } from '../../preload/contract.ts';
import { host } from '../state/host.ts';
import { LongCall } from '../state/long-call.svelte.ts';
import { keep, readKept } from '../state/kept.ts';
import { withPrompt } from './past-prompts.ts';
import { type Sampling, samplingProblems, usualSampling } from './sampling.ts';

/** One that is being written has no time and no ending yet; a stopped one never gets them. */
export type ShownAnswer = Pick<SideAnswer, 'side' | 'text' | 'tokens'> & Partial<Pick<SideAnswer, 'ms' | 'ending'>>;

/** Whom the answers on the screen are from. */
export type Asked = { model: string; baseName: string; adapterName: string | null };

const questionKey = 'lorelei-try';
const promptsKey = 'lorelei-prompts';
const usual = { prompt: '', system: '', sampling: usualSampling };

class TrySession {
  prompt = $state('');
  system = $state('');
  template = $state<PromptTemplate>('model');
  sampling = $state<Sampling>(usualSampling);
  past = $state.raw<string[]>([]);
  asked = $state.raw<Asked | null>(null);
  answers = $state.raw<Partial<Record<Side, ShownAnswer>>>({});
  /** The run whose way of writing rows was taken over as the template. */
  templateOf = '';
  readonly call = new LongCall('generate');

  constructor() {
    const { prompt, system, sampling } = readKept(questionKey, usual);
    this.prompt = prompt;
    this.system = system;
    this.sampling = { ...usualSampling, ...sampling };
    this.past = readKept<string[]>(promptsKey, []);
  }

  readonly problems = $derived(samplingProblems(this.sampling));
  readonly canAsk = $derived(Object.values(this.problems).every((problem) => problem === null));
  /** Only with these templates is there a place for one. */
  readonly takesSystem = $derived(this.template !== 'none');

  keepQuestion(): void {
    keep(questionKey, { prompt: this.prompt, system: this.system, sampling: $state.snapshot(this.sampling) });
  }

  async ask(asked: Asked): Promise<void> {
    const { temperature, topP, maxNewTokens, seed } = this.sampling;
    if (temperature === null || topP === null || maxNewTokens === null || seed === null) return;
    if (this.prompt.trim() !== '') {
      this.past = withPrompt(this.past, this.prompt);
      keep(promptsKey, this.past);
    }
    this.asked = asked;
    this.answers = {};
    const { prompt, template } = this;
    const system = this.takesSystem ? this.system : '';
    const value = await this.call.run(
      { model: asked.model, prompt, system, template, temperature, topP, maxNewTokens, seed },
      (text, { part, done }) => {
        if (part !== 'base' && part !== 'adapter') return;
        const before = this.answers[part]?.text ?? '';
        this.answers = { ...this.answers, [part]: { side: part, text: before + text, tokens: done } };
      },
    );
    if (value === null) return;
    this.answers = Object.fromEntries(value.answers.map((answer) => [answer.side, answer]));
  }

  stop(): void {
    this.call.cancel();
  }

  /** Stops, and gives the model's memory back. */
  leave(): void {
    this.stop();
    void host.call('generate.release', {});
  }
}

export const trySession = new TrySession();
