// The row shapes: what each becomes, which wins, how a mapping overrides, and what is said of rows that do not fit.
import { describe, expect, test } from 'vitest';
import { mapColumns, viewColumns } from '../../main/data/columns.ts';
import { detectShape } from '../../main/data/detect-shape.ts';
import type { Example } from '../../main/data/types.ts';
import { userErrorOf } from '../support/user-error.ts';

type Row = Record<string, unknown>;

function read(row: Row, mapping: Record<string, string> = {}, templated = false): { shape: string; example: Example } {
  const available = Object.keys(row);
  const columns = mapColumns(available, mapping, 'text', 'file.jsonl');
  const shape = detectShape({ ...columns, available, label: 'file.jsonl' }, templated);
  const map = shape.needs.every((name) => columns.mapped.has(name)) ? columns.mapped : columns.all;
  return { shape: shape.name, example: shape.read(viewColumns(row, map), templated) };
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });

const CASES: [name: string, row: Row, example: Example][] = [
  ['text', { text: 'a', id: 1 }, { kind: 'text', text: 'a' }],
  ['messages', { messages: [user('a'), assistant('b')] }, { kind: 'messages', messages: [user('a'), assistant('b')] }],
  [
    'messages as JSON text in a table, with tools',
    { messages: JSON.stringify([user('a'), assistant('b')]), tools: '[{"type":"function"}]' },
    { kind: 'messages', messages: [user('a'), assistant('b')], tools: [{ type: 'function' }] },
  ],
  [
    'content in parts',
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        assistant('c'),
      ],
    },
    { kind: 'messages', messages: [user('ab'), assistant('c')] },
  ],
  [
    'conversations with from and value',
    {
      conversations: [
        { from: 'system', value: 's' },
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'b' },
      ],
    },
    { kind: 'messages', messages: [system('s'), user('a'), assistant('b')] },
  ],
  [
    'conversations with User and Assistant, system beside them',
    {
      system: 's',
      mask: 'User',
      conversations: [
        { from: 'User', value: 'a' },
        { from: 'Assistant', value: 'b' },
      ],
    },
    { kind: 'messages', messages: [system('s'), user('a'), assistant('b')] },
  ],
  [
    'an empty system says nothing',
    {
      system: ' ',
      conversations: [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'b' },
      ],
    },
    { kind: 'messages', messages: [user('a'), assistant('b')] },
  ],
  [
    'conversation of pairs',
    {
      system: 's',
      conversation: [
        { human: 'a', assistant: 'b' },
        { assistant: 'd', human: 'c' },
      ],
    },
    { kind: 'messages', messages: [system('s'), user('a'), assistant('b'), user('c'), assistant('d')] },
  ],
  [
    'prompt and completion',
    { prompt: 'a', completion: 'b' },
    { kind: 'prompt-completion', prompt: 'a', completion: 'b' },
  ],
  [
    'prompt and completion of messages',
    { prompt: [user('a')], completion: [assistant('b')] },
    { kind: 'prompt-completion', prompt: [user('a')], completion: [assistant('b')] },
  ],
  [
    'Alpaca with everything',
    { system: 's', instruction: 'a', input: 'i', output: 'b', history: [['c', 'd']] },
    { kind: 'instruction', system: 's', instruction: 'a', input: 'i', output: 'b', history: [['c', 'd']] },
  ],
  [
    'Alpaca with empty fields',
    { system: '', instruction: 'a', input: '', output: 'b', history: null },
    { kind: 'instruction', instruction: 'a', output: 'b', history: [] },
  ],
  [
    'Dolly',
    { instruction: 'a', context: 'c', response: 'b', category: 'x' },
    { kind: 'instruction', instruction: 'a', input: 'c', output: 'b', history: [] },
  ],
  [
    'instruction, answer',
    { instruction: 'a', answer: 'b' },
    { kind: 'instruction', instruction: 'a', output: 'b', history: [] },
  ],
  [
    'Question, Answer in capitals',
    { Question: 'a', ' Answer': 'b' },
    { kind: 'instruction', instruction: 'a', output: 'b', history: [] },
  ],
  [
    'query, response, history as JSON text',
    { query: 'a', response: 'b', history: '[["c","d"]]' },
    { kind: 'instruction', instruction: 'a', output: 'b', history: [['c', 'd']] },
  ],
  ['input, output', { input: 'a', output: 'b' }, { kind: 'instruction', instruction: 'a', output: 'b', history: [] }],
  [
    'numbers as text',
    { question: 7, answer: 3.5 },
    { kind: 'instruction', instruction: '7', output: '3.5', history: [] },
  ],
  ['response only', { response: 'a' }, { kind: 'text', text: 'a' }],
  ['tokens', { input_ids: [1, 2] }, { kind: 'tokens', inputIds: [1, 2] }],
  [
    'tokens with labels',
    { input_ids: [1, 2, 3], labels: [-100, 2, 3], attention_mask: [1, 1, 1] },
    { kind: 'tokens', inputIds: [1, 2, 3], trained: [0, 1, 1] },
  ],
  [
    'tokens as 64-bit integers with masks',
    { input_ids: [1n, 2n], completion_mask: [0n, 1n], assistant_masks: [0, 1] },
    { kind: 'tokens', inputIds: [1, 2], completionMask: [0, 1], assistantMasks: [0, 1] },
  ],
];

test.each(CASES)('%s', (_name, row, example) => {
  expect(read(row).example).toEqual(example);
});

describe('which shape wins', () => {
  test('in the order of TRL: prompt and completion, messages, text; then instructions', () => {
    expect(read({ text: 't', messages: [user('a')] }).shape).toBe('messages');
    expect(read({ messages: [user('a')], prompt: 'a', completion: 'b' }).shape).toBe('prompt/completion');
    expect(read({ messages: [user('a')], prompt: 'a', prompt_id: 'x' }).shape).toBe('messages');
    expect(read({ text: 't', prompt: 'a', completion: 'b' }).shape).toBe('prompt/completion');
    expect(read({ text: 't', instruction: 'a', output: 'b' }).shape).toBe('text');
  });

  test('with a template asked for by name, what it can write goes before ready-made text', () => {
    expect(read({ text: 't', instruction: 'a', output: 'b' }, {}, true).shape).toBe('instruction/[input]/output');
    expect(read({ text: 't' }, {}, true).shape).toBe('text');
  });

  test.each([
    [
      { prompt: 'p', chosen: 'a', rejected: 'b' },
      /chosen and rejected.*columns: \{prompt: prompt, completion: chosen\}/,
    ],
    [{ chosen: [], rejected: [] }, /columns: \{messages: chosen\}/],
    [{ question: 'p', response_j: 'a', response_k: 'b' }, /completion: response_j/],
    [
      { input: {}, preferred_output: [], non_preferred_output: [] },
      /preferred_output and non_preferred_output.*\{prompt: input\.messages, completion: preferred_output\}/,
    ],
    [{ conversations: [], chosen: {}, rejected: {} }, /choose DPO.*\{prompt: conversations, completion: chosen\}/],
    [{ messages: [], rejected_response: 'b' }, /messages and rejected_response.*\{messages: messages\}/],
    [{ query: 'p', response: 'a', rejected_response: 'b' }, /\{prompt: query, completion: response\}/],
    [{ prompt_ids: [1], chosen_ids: [2], rejected_ids: [3] }, /chosen_ids and rejected_ids.*tokens are made already/],
  ])('preference pairs %j are refused', (row, saying) => {
    const error = userErrorOf(() => read(row));
    expect(error.code).toBe('dataset-is-preference-data');
    expect(`${error.message} ${error.fix}`).toMatch(saying);
  });

  test('no usable column: those found, and how to map them', () => {
    const error = userErrorOf(() => read({ Title: 'a', Body: 'b' }));
    expect(error.code).toBe('dataset-no-usable-column');
    expect(error.message).toContain('"Title", "Body"');
    expect(error.fix).toContain('columns: {prompt: Title, completion: Body}');
  });
});

describe('column mapping', () => {
  test('overrides what would be found', () => {
    const row = { text: 't', Title: 'a', Body: 'b' };
    expect(read(row, { prompt: 'Title', completion: 'Body' }).example).toEqual({
      kind: 'prompt-completion',
      prompt: 'a',
      completion: 'b',
    });
    expect(read({ prompt: 'p', chosen: 'a', rejected: 'b' }, { completion: 'chosen' }).example).toEqual({
      kind: 'prompt-completion',
      prompt: 'p',
      completion: 'a',
    });
  });

  test('of both answers of a pair is still preference data', () => {
    const row = { a: 'x', b: 'y', c: 'z' };
    const error = userErrorOf(() => read(row, { prompt: 'a', chosen: 'b', rejected: 'c' }));
    expect([error.code, error.message]).toEqual(['dataset-is-preference-data', expect.stringContaining('b and c')]);
  });

  test('a single message as the completion, as LLaMA-Factory writes answers', () => {
    const row = { conversations: [{ from: 'human', value: 'a' }], chosen: { from: 'gpt', value: 'b' }, rejected: {} };
    expect(read(row, { prompt: 'conversations', completion: 'chosen' }).example).toEqual({
      kind: 'prompt-completion',
      prompt: [user('a')],
      completion: [assistant('b')],
    });
  });

  test('reaches into objects', () => {
    const row = { input: { messages: [user('a')] }, preferred_output: [assistant('b')], non_preferred_output: [] };
    expect(read(row, { prompt: 'input.messages', completion: 'preferred_output' }).example).toEqual({
      kind: 'prompt-completion',
      prompt: [user('a')],
      completion: [assistant('b')],
    });
  });

  test('names that are not known, columns that are not there', () => {
    const unknown = userErrorOf(() => read({ a: 'x' }, { promt: 'a' }));
    expect([unknown.code, unknown.fix]).toEqual(['unknown-column-name', expect.stringContaining('"prompt"')]);
    const missing = userErrorOf(() => read({ question_text: 'x', b: 'y' }, { prompt: 'question_txt' }));
    expect(missing.code).toBe('column-not-found');
    expect(`${missing.message} ${missing.fix}`).toMatch(/It has question_text, b\. .*"question_text"/);
  });

  test('dataset_text_field', () => {
    const available = ['content', 'id'];
    const columns = { ...mapColumns(available, {}, 'content', 'f'), available, label: 'f' };
    expect(detectShape(columns, false).name).toBe('text');
  });
});

test.each<[Row, RegExp]>([
  [{ messages: [{ content: 'x' }] }, /messages\[0\] has no role/],
  [{ messages: ['x'] }, /messages\[0\] is a string, not a message/],
  [{ messages: [{ role: 'user' }] }, /messages\[0\] has no content/],
  [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, /type image_url; only text/],
  [{ messages: 'hello' }, /"messages" should be a list but is text that is not JSON/],
  [{ text: { a: 1 } }, /"text" should be text but is an object/],
  [{ instruction: 'a', output: null }, /the row has no "output"/],
  [{ prompt: 'a', completion: [assistant('b')] }, /both be text or both be lists/],
  [{ query: 'a', response: 'b', history: [['c']] }, /history\[0\] is not a pair/],
  [{ input_ids: [1, 2.5] }, /"input_ids" holds 2.5 at position 1/],
  [{ input_ids: [1, 2], labels: [1] }, /"labels" has 1 values for 2 input_ids/],
  [{ input_ids: [1, 2], labels: [1, 9] }, /labels\[1\] is 9, neither -100 nor the input id 2/],
])('%j does not fit', (row, saying) => {
  expect(() => read(row)).toThrow(saying);
});
