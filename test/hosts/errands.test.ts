// Errands in real processes: the answer, a refusal, a cancel, a death.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resourcePath } from '../../main/app/resources.ts';
import { forkedErrands } from '../../main/hosts/cli/fork-errand.ts';
import { tempFolder } from '../support/temp-folder.ts';

const folder = tempFolder();
const { launchErrand: launch } = forkedErrands(join(folder.path, 'home'));
const preview = (data: string) => ({
  method: 'sft' as const,
  values: { model_name_or_path: resourcePath('starter-model'), dataset_name: data },
  workingDirectory: folder.path,
  rows: 2,
});

test('an errand tells how far it is and answers', async () => {
  const phases = new Set<string>();
  const answer = await launch('preview', preview(resourcePath('sample-data', 'sft.jsonl')), {
    onProgress: ({ phase }) => phases.add(phase),
    signal: new AbortController().signal,
  });
  expect(answer.rows).toHaveLength(2);
  expect([...phases]).toEqual(['Reading and tokenizing']);
});

test('a refusal arrives as the error it was', async () => {
  const refused = launch('preview', preview('nowhere.jsonl'), {
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  await expect(refused).rejects.toMatchObject({ name: 'UserError', code: 'dataset-not-found' });
});

test('cancelling ends the errand at once', async () => {
  const cancelling = new AbortController();
  const cancelled = launch('preview', preview(resourcePath('sample-data', 'sft.jsonl')), {
    onProgress: () => undefined,
    signal: cancelling.signal,
  });
  cancelling.abort(new Error('enough'));
  await expect(cancelled).rejects.toThrow('enough');
});

test('a process that dies is told with its last words', async () => {
  // A name that no errand has: a bug, which ends the process with a stack.
  const died = launch('nothing' as 'preview', preview(''), {
    onProgress: () => undefined,
    signal: new AbortController().signal,
  });
  await expect(died).rejects.toMatchObject({ code: 'errand-died' });
  await expect(died).rejects.toThrow(/exit code 1.*TypeError/s);
});
