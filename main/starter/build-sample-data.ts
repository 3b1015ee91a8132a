// Writes resources/sample-data/sft.jsonl and dpo.jsonl. Run: npm run build:sample-data

import { mkdirSync, writeFileSync } from 'node:fs';
import { dpoRows, sampleSizes, sftRows } from './sample-data.ts';

const folder = new URL('../../resources/sample-data/', import.meta.url);

function write(name: string, rows: readonly object[]): void {
  writeFileSync(new URL(name, folder), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

mkdirSync(folder, { recursive: true });
write('sft.jsonl', sftRows(sampleSizes.seed, sampleSizes.sft));
write('dpo.jsonl', dpoRows(sampleSizes.seed, sampleSizes.dpo));
