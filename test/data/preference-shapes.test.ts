// The shapes of preference rows: what each becomes, which wins, how a mapping helps, and what is said of files and rows
// that do not fit.
import { describe, expect, test } from 'vitest';
import { mapColumns, viewColumns } from '../../main/data/columns.ts';
import { detectPreferenceShape } from '../../main/data/detect-shape.ts';
import type { AnsweredExample, PreferenceExample } from '../../main/data/types.ts';
import { userErrorOf } from '../support/user-error.ts';

type Row = Record<string, unknown>;

function read(row: Row, mapping: Record<string, string> = {}, templated = false) {
  const available = Object.keys(row);
  const columns = { ...mapColumns(available, mapping, 'text', 'file.jsonl'), available, label: 'file.jsonl' };
  const shape = detectPreferenceShape(columns, templated);
  const map = shape.needs.every((name) => columns.mapped.has(name)) ? columns.mapped : columns.all;
  return { shape: shape.name, example: shape.read(viewColumns(row, map), templated) };
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });

function texts(prompt: string, chosen: string, rejected: string): PreferenceExample {
  return {
    kind: 'pair',
    chosen: { kind: 'prompt-completion', prompt, completion: chosen },
    rejected: { kind: 'prompt-completion', prompt, completion: rejected },
  };
}

type Turn = { role: string; content: string };
function turns(prompt: Turn[], chosen: Turn[], rejected: Turn[], more: { tools?: unknown[] } = {}): PreferenceExample {
  return {
    kind: 'pair',
    chosen: { kind: 'prompt-completion', prompt, completion: chosen, ...more },
    rejected: { kind: 'prompt-completion', prompt, completion: rejected, ...more },
  };
}

function question(more: { system?: string; input?: string } = {}): PreferenceExample {
  const asked = (output: string): AnsweredExample => ({
    kind: 'instruction',
    history: [],
    instruction: 'q',
    output,
    ...more,
  });
  return { kind: 'pair', chosen: asked('a'), rejected: asked('b') };
}

const dialogue = turns([user('q')], [assistant('a')], [assistant('b')]);
const tool = { type: 'function', function: { name: 'f' } };

const CASES: [name: string, row: Row, shape: string, example: PreferenceExample][] = [
  ['text', { prompt: 'q', chosen: 'a', rejected: 'b' }, 'prompt/chosen/rejected', texts('q', 'a', 'b')],
  [
    'names in any case, other columns',
    { Prompt: 'q', Chosen: 'a', Rejected: 'b', score: 1 },
    'prompt/chosen/rejected',
    texts('q', 'a', 'b'),
  ],
  [
    'messages',
    { prompt: [user('q')], chosen: [assistant('a')], rejected: [assistant('b')] },
    'prompt/chosen/rejected',
    dialogue,
  ],
  [
    'messages as a prompt, text as answers; system and tools beside them',
    { prompt: [user('q')], chosen: 'a', rejected: 'b', system: 's', tools: [tool] },
    'prompt/chosen/rejected',
    turns([system('s'), user('q')], [assistant('a')], [assistant('b')], { tools: [tool] }),
  ],
  [
    'text as a prompt, messages as answers',
    { prompt: 'q', chosen: [assistant('a')], rejected: assistant('b') },
    'prompt/chosen/rejected',
    dialogue,
  ],
  [
    'the prompt said again in whole conversations (UltraFeedback)',
    { prompt: 'q', chosen: [user('q'), assistant('a')], rejected: [user('q'), assistant('b')], messages: [] },
    'prompt/chosen/rejected',
    dialogue,
  ],
  [
    'a list of messages as the prompt, and again in whole conversations',
    {
      prompt: [system('s'), user('q')],
      chosen: [user('q'), assistant('a')],
      rejected: [user('q'), assistant('b')],
    },
    'prompt/chosen/rejected',
    turns([system('s'), user('q')], [assistant('a')], [assistant('b')]),
  ],
  [
    'messages with an implicit prompt of several turns',
    {
      chosen: [user('x'), assistant('y'), user('q'), assistant('a')],
      rejected: [user('x'), assistant('y'), user('q'), assistant('b')],
    },
    'chosen/rejected',
    turns([user('x'), assistant('y'), user('q')], [assistant('a')], [assistant('b')]),
  ],
  [
    'an implicit prompt, answers of unlike length',
    { chosen: [user('q'), assistant('a')], rejected: [user('q'), assistant('a'), user('x'), assistant('b')] },
    'chosen/rejected',
    turns([user('q')], [assistant('a')], [assistant('a'), user('x'), assistant('b')]),
  ],
  ['text with an implicit prompt', { chosen: 'q: a', rejected: 'q: b' }, 'chosen/rejected', texts('q:', ' a', ' b')],
  ['text that parts at once', { chosen: 'a ', rejected: 'b ' }, 'chosen/rejected', texts('', 'a ', 'b ')],
  [
    'a transcript is text',
    { chosen: '\n\nHuman: q\n\nAssistant: a', rejected: '\n\nHuman: q\n\nAssistant: b' },
    'chosen/rejected',
    texts('\n\nHuman: q\n\nAssistant:', ' a', ' b'),
  ],
  [
    'a transcript that ends without an answer',
    { chosen: '\n\nHuman: q\n\nAssistant: a', rejected: '\n\nHuman: q\n\nAssistant:' },
    'chosen/rejected',
    texts('\n\nHuman: q\n\nAssistant', ': a', ''),
  ],
  [
    'LLaMA-Factory, ranked conversations',
    {
      conversations: [{ from: 'human', value: 'q' }],
      chosen: { from: 'gpt', value: 'a' },
      rejected: { from: 'gpt', value: 'b' },
      system: 's',
    },
    'conversations/chosen/rejected',
    turns([system('s'), user('q')], [assistant('a')], [assistant('b')]),
  ],
  [
    'messages as JSON text in a table',
    { messages: JSON.stringify([user('q')]), chosen: 'a', rejected: 'b' },
    'messages/chosen/rejected',
    dialogue,
  ],
  [
    'LLaMA-Factory, ranked instructions',
    { instruction: 'q', input: 'i', chosen: 'a', rejected: 'b' },
    'instruction/[input]/chosen/rejected',
    question({ input: 'i' }),
  ],
  [
    'question and system',
    { system: 's', question: 'q', chosen: 'a', rejected: 'b' },
    'question/[context]/chosen/rejected',
    question({ system: 's' }),
  ],
  ['input as the question', { input: 'q', chosen: 'a', rejected: 'b' }, 'input/chosen/rejected', question()],
  [
    'a question and messages',
    { question: 'q', chosen: [assistant('a')], rejected: [assistant('b')] },
    'question/[context]/chosen/rejected',
    dialogue,
  ],
  [
    'instruction with chosen_response',
    { instruction: 'q', chosen_response: 'a', rejected_response: 'b' },
    'instruction/[input]/chosen_response/rejected_response',
    question(),
  ],
  [
    'Stack Exchange',
    { question: 'q', response_j: 'a', response_k: 'b' },
    'question/[context]/response_j/response_k',
    question(),
  ],
  [
    'OpenAI',
    {
      input: { messages: [user('q')], tools: [tool], parallel_tool_calls: true },
      preferred_output: [assistant('a')],
      non_preferred_output: [assistant('b')],
    },
    'input/preferred_output/non_preferred_output',
    turns([user('q')], [assistant('a')], [assistant('b')], { tools: [tool] }),
  ],
  [
    'ms-swift: query, response',
    { query: 'q', response: 'a', rejected_response: 'b' },
    'query/[context]/response/rejected_response',
    question(),
  ],
  [
    'ms-swift: messages that end with the better answer',
    { messages: [user('q'), assistant('a')], rejected_response: 'b' },
    'messages/rejected_response',
    dialogue,
  ],
  [
    'ms-swift: two conversations',
    { messages: [user('q'), assistant('a')], rejected_messages: [user('q'), assistant('b')] },
    'messages/rejected_messages',
    dialogue,
  ],
  [
    'tokens',
    { prompt_ids: [1], chosen_ids: [2n, 3n], rejected_ids: '[4]' },
    'prompt_ids/chosen_ids/rejected_ids',
    { kind: 'pair-tokens', promptIds: [1], chosenIds: [2, 3], rejectedIds: [4] },
  ],
];

test.each(CASES)('%s', (_name, row, shape, example) => {
  expect(read(row)).toEqual({ shape, example });
});

test('for a template asked for by name, transcripts are taken apart', () => {
  const row = {
    chosen: '\n\nHuman: x\n\nAssistant: y\n\nHuman: q\n\nAssistant: a',
    rejected: '\n\nHuman: x\n\nAssistant: y\n\nHuman: q\n\nAssistant: b\n\nmore',
  };
  expect(read(row, {}, true).example).toEqual(
    turns([user('x'), assistant('y'), user('q')], [assistant('a')], [assistant('b\n\nmore')]),
  );
  expect(() => read({ chosen: 'a', rejected: 'b' }, {}, true)).toThrow(/begin differently/);
});

describe('column mapping', () => {
  test('of all three, and of some', () => {
    const row = { Title: 'q', good: 'a', bad: 'b', messages: [] };
    expect(read(row, { prompt: 'Title', chosen: 'good', rejected: 'bad' }).example).toEqual(texts('q', 'a', 'b'));
    expect(read({ question: 'q', good: 'a', bad: 'b' }, { chosen: 'good', rejected: 'bad' })).toEqual({
      shape: 'question/[context]/chosen/rejected',
      example: question(),
    });
    expect(read({ prompt: 'x', q: 'q', chosen: 'a', rejected: 'b' }, { question: 'q' }).example).toEqual(question());
    const nested = { data: { q: 'q', better: 'a', worse: 'b' } };
    const mapping = { prompt: 'data.q', chosen: 'data.better', rejected: 'data.worse' };
    expect(read(nested, mapping).example).toEqual(texts('q', 'a', 'b'));
  });

  test('names that are not known, columns that are not there', () => {
    expect(userErrorOf(() => read({ a: 'x' }, { choosen: 'a' })).fix).toContain('"chosen"');
    expect(userErrorOf(() => read({ a: 'x' }, { chosen: 'b' })).code).toBe('column-not-found');
  });
});

test.each<[Row, string, RegExp]>([
  [
    { prompt: 'q', completion: 'a' },
    'dataset-is-not-preference-data',
    /prompt\/completion.*Use SFT.*\{prompt: prompt, chosen:/,
  ],
  [{ text: 't' }, 'dataset-is-not-preference-data', /read as text; columns "text"/],
  [{ messages: [] }, 'dataset-is-not-preference-data', /read as messages/],
  [{ instruction: 'q', output: 'a' }, 'dataset-is-not-preference-data', /\{prompt: instruction, chosen:/],
  [
    { Title: 'q', Good: 'a', Bad: 'b' },
    'dataset-no-usable-column',
    /"Title", "Good", "Bad".*chosen: Good, rejected: Bad/,
  ],
  [
    { prompt: 'q', chosen: 'a', completion: 'x' },
    'dataset-no-usable-column',
    /only one side of a preference pair, "chosen"/,
  ],
])('%j is refused: %s', (row, code, saying) => {
  const error = userErrorOf(() => read(row));
  expect(error.code).toBe(code);
  expect(`${error.message} ${error.fix}`).toMatch(saying);
  expect(error.message).toContain('file.jsonl');
});

test.each<[Row, RegExp]>([
  [{ prompt: 'q', chosen: 'a', rejected: null }, /the row has no "rejected"/],
  [{ prompt: 'q', chosen: { text: 'a' }, rejected: 'b' }, /"chosen" should be text but is an object/],
  [{ prompt: 'q', chosen: [{ content: 'a' }], rejected: 'b' }, /chosen\[0\] has no role/],
  [{ chosen: [user('a'), assistant('b')], rejected: [user('c'), assistant('d')] }, /no common beginning/],
  [{ messages: [user('q')], rejected_response: 'b' }, /"messages" does not end with an answer/],
  [{ conversations: 'q', chosen: 'a', rejected: 'b' }, /"conversations" should be a list/],
  [{ prompt_ids: [1], chosen_ids: [2.5], rejected_ids: [1] }, /"chosen_ids" holds 2.5 at position 0/],
])('%j does not fit', (row, saying) => {
  expect(() => read(row)).toThrow(saying);
});
