// The sample data that ships with Lorelei.
import { readFileSync } from 'node:fs';
import type { CommandOutput } from '../../preload/contract.ts';
import { resourcePath } from './resources.ts';

export function sampleData(): CommandOutput<'data.samples'> {
  return ['sft', 'dpo'].map((method) => {
    const path = resourcePath('sample-data', `${method}.jsonl`);
    return { method, path, rows: readFileSync(path, 'utf8').trimEnd().split('\n').length };
  });
}
