// A run whose adapter can be exported, on a model that lies in a folder of this machine.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApp } from '../../main/app/app.ts';
import { writeCheckpoint } from '../../main/checkpoints/run-state.ts';
import { parseRecipe } from '../../main/recipe/parse.ts';
import { checkpointOfStep } from '../checkpoints/checkpoint-of-step.ts';
import { writeModelStub } from './model-stub.ts';

/** "calm-otter", stopped at step 4, in the home folder of `folder`; its model, of Apache's licence, beside that. */
export function writeExportableRun(folder: string, name?: string): void {
  const model = join(folder, 'my model');
  writeModelStub(model);
  writeFileSync(join(model, 'README.md'), '---\nlicense: apache-2.0\n---\n');
  writeFileSync(join(model, 'tokenizer.json'), '{}');
  writeFileSync(join(model, 'tokenizer_config.json'), JSON.stringify({ name_or_path: model }));
  const { recipe } = parseRecipe('sft', { model_name_or_path: model, dataset_name: join(folder, 'mails.jsonl') });
  inHome(folder, ({ home: { runs }, history }) => {
    const id = 'calm-otter';
    history.runs.insert({ id, method: 'sft', name, recipe, outputDir: join(folder, 'adapter'), createdAt: 1 });
    history.runs.update(id, { status: 'stopped', lastStep: 4 });
    mkdirSync(join(runs, id));
    const checkpoint = checkpointOfStep(4);
    const { adapter } = checkpoint;
    const config = { ...adapter.config, base_model_name_or_path: model };
    const path = writeCheckpoint(join(runs, id), { ...checkpoint, adapter: { ...adapter, config } });
    history.checkpoints.add(id, { step: 4, path, recordedAt: 1 });
  });
}

export function inHome<Result>(folder: string, look: (app: ReturnType<typeof openApp>) => Result): Result {
  const launchJob = (): never => {
    throw new Error('no job is started here');
  };
  const app = openApp({ launchJob }, join(folder, 'home'));
  try {
    return look(app);
  } finally {
    app.history.close();
  }
}
