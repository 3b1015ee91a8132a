// Whole runs against TRL's experimental trainers on a real checkpoint: every logged number, and the adapter.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Metrics } from '../../preload/contract.ts';
import { goldensFolder, readJson } from '../support/goldens.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { expectTrlLogits, expectTrlRun } from '../support/trl-run.ts';

const scratch = tempFolder().path;

const runs = [
  ['orpo', 'lambda'],
  ['orpo', 'strong'],
  ['orpo', 'accumulation-5'],
  ['orpo', 'cut'],
  ['simpo', 'published'],
  ['simpo', 'smoothed'],
  ['simpo', 'with-cross-entropy'],
  ['simpo', 'accumulation-5'],
] as const;

describe.skipIf(sharedData === undefined)('like TRL', () => {
  test.each(runs)(
    '%s, %s: every logged step, and the adapter at the end',
    { timeout: 120_000 },
    async (method, name) => {
      const adapter = await expectTrlRun(method, name, join(scratch, method, name));
      const [first] = readJson(join(goldensFolder, 'trl-dpo', 'tokens.json')) as Record<string, number[]>[];
      await expectTrlLogits(method, name, adapter, [...(first?.prompt_ids ?? []), ...(first?.chosen_ids ?? [])]);
    },
  );

  test.each(['orpo', 'simpo'] as const)('%s: the goldens hold what TRL logs of it', (method) => {
    const name = method === 'orpo' ? 'lambda' : 'with-cross-entropy';
    const { log } = readJson(join(goldensFolder, `trl-${method}`, `${name}.json`)) as { log: Metrics[] };
    const odds = method === 'orpo' ? ['log_odds_chosen', 'log_odds_ratio'] : [];
    expect(log.filter((row) => 'loss' in row)).toHaveLength(20);
    expect(Object.keys(log[0] ?? {})).toEqual(
      expect.arrayContaining([...odds, 'nll_loss', 'rewards/margins', 'logps/chosen', 'logits/rejected']),
    );
  });

  test('orpo without sharing prefixes, in lean mode: the same numbers', { timeout: 120_000 }, async () => {
    const changes = { share_prefixes: 'off', gradient_checkpointing: true };
    await expectTrlRun('orpo', 'strong', join(scratch, 'lean'), changes);
  });
});
