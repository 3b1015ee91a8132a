// Preference rows of every shape against TRL's own preparation and collator (test/parity/preference_goldens.py).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadPreferences, type PreferenceOptions } from '../../main/data/load-preferences.ts';
import { pairCounts, pairSequences } from '../../main/data/pair.ts';
import type { TemplateName } from '../../main/data/templates.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import type { TruncationMode } from '../../main/data/truncation.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Sequence = [ids: number[], completionMask: number[]];
type Case = {
  name: string;
  template: TemplateName;
  rows: unknown[];
  pairs: { prompt_ids: number[]; chosen_ids: number[]; rejected_ids: number[] }[];
  cuts?: { max_length: number; mode: TruncationMode; pairs: { chosen: Sequence; rejected: Sequence }[] }[];
};

const folder = tempFolder();

for (const [name, tokenizerFolder] of Object.entries(tokenizerFolders)) {
  if (tokenizerFolder === undefined) {
    test.skip(name);
    continue;
  }
  describe(name, () => {
    const golden = JSON.parse(
      readFileSync(join(import.meta.dirname, '..', 'goldens', 'preferences', `${name}.json`), 'utf8'),
    ) as Case[];
    const tokenizer = loadTokenizer(tokenizerFolder);
    const load = (rows: unknown[], more: Partial<PreferenceOptions>) =>
      loadPreferences(
        {
          files: [folder.write(`${name}.jsonl`, rows.map((row) => JSON.stringify(row)).join('\n'))],
          template: 'model',
          maxLength: null,
          cacheDir: join(folder.path, 'cache'),
          ...more,
        },
        tokenizer,
      );

    test.each(golden)('$name', async ({ template, rows, pairs, cuts = [] }) => {
      const { dataset } = await load(rows, { template });
      expect(dataset.length).toBe(rows.length);
      const ours = Array.from(pairs, (_, i) => {
        const { promptIds, chosenIds, rejectedIds } = dataset.read(i);
        return { prompt_ids: [...promptIds], chosen_ids: [...chosenIds], rejected_ids: [...rejectedIds] };
      });
      dataset.close();
      expect(ours).toEqual(pairs);

      for (const { max_length, mode, pairs: expected } of cuts) {
        // TRL's loss leaves out a completion token at position 0, as nothing predicts it.
        const trained = ([, mask]: Sequence) => mask.slice(1).filter((bit) => bit === 1).length;
        const differ = ({ chosen, rejected }: (typeof expected)[number]) =>
          JSON.stringify(chosen) !== JSON.stringify(rejected);
        const kept = expected
          .map((pair, i) => ({ ...pair, line: i + 1 }))
          .filter((pair) => trained(pair.chosen) > 0 && trained(pair.rejected) > 0 && differ(pair));
        const cutting = load(rows, { template, maxLength: max_length, truncationMode: mode });
        if (kept.length === 0) {
          await expect(cutting).rejects.toMatchObject({ code: 'dataset-nothing-to-train' });
          continue;
        }
        const cut = await cutting;
        expect(Array.from(kept, (_, i) => cut.dataset.place(i).line)).toEqual(kept.map((pair) => pair.line));
        expect(cut.dataset.length).toBe(kept.length);
        for (const [i, pair] of kept.entries()) {
          const read = cut.dataset.read(i);
          const sequences = pairSequences(read);
          for (const side of ['chosen', 'rejected'] as const) {
            const [ids, mask] = pair[side];
            expect([...sequences[side].inputIds]).toEqual(ids);
            expect([...sequences[side].trained]).toEqual(mask.map((bit, at) => (at === 0 ? 0 : bit)));
          }
          expect(pairCounts(read)).toEqual({
            tokens: pair.chosen[0].length + pair.rejected[0].length,
            chosenTrained: trained(pair.chosen),
            rejectedTrained: trained(pair.rejected),
          });
        }
        cut.dataset.close();
      }
    });
  });
}
