// Runs a recipe on the starter model and the sample data, in this process, and gathers what it posts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSampler } from '../../main/job/sampling.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import type { Method } from '../../main/recipe/recipe.ts';
import { train } from '../../main/training/run.ts';
import type { JobRecord, Metrics } from '../../preload/contract.ts';

const resources = join(import.meta.dirname, '../../resources');
export const starterModel = join(resources, 'starter-model');

const plain = {
  use_peft: true,
  model_name_or_path: starterModel,
  max_steps: 6,
  per_device_train_batch_size: 2,
  learning_rate: 2e-3,
  lora_r: 4,
  lora_dropout: 0.1,
  logging_steps: 2,
  save_steps: 3,
};
const pairs = { dataset_name: join(resources, 'sample-data/dpo.jsonl'), disable_dropout: false };
const methodSettings: Record<Method, Record<string, unknown>> = {
  sft: { dataset_name: join(resources, 'sample-data/sft.jsonl'), gradient_accumulation_steps: 2 },
  dpo: pairs,
  orpo: pairs,
  simpo: pairs,
};

export type RunOptions = {
  folder: string;
  resumeFrom?: string;
  stopAfter?: number;
  /** Abort it to leave at once. */
  leaving?: AbortController;
  onRecord?: (record: JobRecord) => void;
};

/** `settings` are recipe keys over a small run of six steps. */
export async function runJob(method: Method, settings: Record<string, unknown>, options: RunOptions) {
  const { folder, resumeFrom, stopAfter = Infinity, leaving = new AbortController(), onRecord } = options;
  const { recipe } = parseRecipe<Method>(method, { ...plain, ...methodSettings[method], ...settings });
  const records: JobRecord[] = [];
  const steps = (): number => records.filter(({ type }) => type === 'step').length;
  const job = {
    runId: 'test',
    recipe,
    runDir: join(folder, 'run'),
    outputDir: join(folder, 'adapter'),
    cacheDir: join(folder, 'cache'),
    ...(resumeFrom === undefined ? {} : { resumeFrom }),
  };
  const end = await train(job, {
    post: (record) => {
      records.push(record);
      onRecord?.(record);
    },
    stopRequested: () => steps() >= stopAfter,
    signal: leaving.signal,
    openSampler,
  });
  const of = <T extends JobRecord['type']>(type: T): (JobRecord & { type: T })[] =>
    records.filter((record): record is JobRecord & { type: T } => record.type === type);
  return {
    end,
    records,
    of,
    losses: of('step').map(({ loss }) => loss),
    logs: of('step').flatMap(({ metrics }): Metrics[] => (metrics ? [metrics] : [])),
    events: of('event').map(({ message }) => message),
    adapter: () => readFileSync(join(folder, 'adapter', 'adapter_model.safetensors')),
    card: () => readFileSync(join(folder, 'adapter', 'README.md'), 'utf8'),
  };
}
