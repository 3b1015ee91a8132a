import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { dpoRows, sampleSizes, sftRows, type DpoRow, type SftRow } from '../../main/starter/sample-data.ts';

const lines = (name: string): unknown[] =>
  readFileSync(new URL(`../../resources/sample-data/${name}`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

test('the shipped files are what the script writes', () => {
  expect(lines('sft.jsonl')).toEqual(sftRows(sampleSizes.seed, sampleSizes.sft));
  expect(lines('dpo.jsonl')).toEqual(dpoRows(sampleSizes.seed, sampleSizes.dpo));
});

test('every SFT row is one question and an answer in the pilot voice', () => {
  const rows = lines('sft.jsonl') as SftRow[];
  expect(rows).toHaveLength(320);
  expect(new Set(rows.map((row) => row.messages[0]?.content)).size).toBe(320);
  for (const { messages } of rows) {
    expect(messages.map((message) => message.role)).toEqual(['user', 'assistant']);
    expect(messages[1]?.content).toMatch(/^Aye, sailor! .+ Mind the current, my friend!$/);
  }
});

test('every DPO pair prefers the shorter, friendly answer', () => {
  const rows = lines('dpo.jsonl') as DpoRow[];
  expect(rows).toHaveLength(200);
  for (const { prompt, chosen, rejected } of rows) {
    expect([prompt, chosen, rejected].map((messages) => messages.length)).toEqual([1, 1, 1]);
    expect(prompt[0]?.role).toBe('user');
    expect(chosen[0]?.content).toMatch(/(Glad|Happy) to help!$/);
    expect(rejected[0]?.content).not.toBe(chosen[0]?.content);
    expect(rejected[0]?.content).not.toMatch(/to help!/);
  }
});
