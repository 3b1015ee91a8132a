// From examples to tokens and trained marks: TRL's own tokenized rows (test/parity/sft_trl.py), BOS and EOS, the
// meanings of completion_only_loss and max_length.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDataset } from '../../main/data/load-dataset.ts';
import { loadTokenizer, type TextTokenizer } from '../../main/data/tokenizer.ts';
import { cutRow, tokenizeExample, type LossSettings } from '../../main/data/tokenize-example.ts';
import type { Example } from '../../main/data/types.ts';
import { exampleWriter } from '../../main/data/write-example.ts';
import type { TemplateName } from '../../main/data/templates.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const llama2Like = loadTokenizer(tokenizerFolders.mistral);
const qwen = loadTokenizer(tokenizerFolders.qwen3);
const llama3 = loadTokenizer(tokenizerFolders.llama3_1);

function tokenize(
  tokenizer: TextTokenizer,
  example: Example,
  settings: Partial<LossSettings> & { template?: TemplateName } = {},
) {
  const notes: string[] = [];
  const note = (message: string) => notes.push(message);
  const writer = exampleWriter(tokenizer, settings.template ?? 'model', note);
  const all = { assistantOnlyLoss: false, maxLength: null, ...settings };
  const row = cutRow(tokenizeExample(example, tokenizer, writer, all, note), all);
  const part = (bit: number) => tokenizer.decode(row.inputIds.filter((_, i) => row.trained[i] === bit));
  return { ...row, notes, trainedText: part(1), otherText: part(0), text: tokenizer.decode(row.inputIds) };
}

describe.skipIf(tokenizerFolders.stories260K === undefined)('rows as TRL tokenizes them', () => {
  const goldens = join(import.meta.dirname, '..', 'goldens', 'trl-sft');
  const cache = tempFolder();

  test.each([
    ['full-tokens.json', 'text.jsonl', {}],
    ['completion-tokens.json', 'completion.jsonl', {}],
  ])('%s', async (expectedFile, file, more) => {
    type Row = { input_ids: number[]; trained: number[] };
    const expected = JSON.parse(readFileSync(join(goldens, expectedFile), 'utf8')) as Row[];
    const { dataset } = await loadDataset(
      {
        files: [join(goldens, file)],
        datasetTextField: 'text',
        template: 'model',
        assistantOnlyLoss: false,
        maxLength: 64,
        cacheDir: cache.path,
        ...more,
      },
      loadTokenizer(tokenizerFolders.stories260K ?? ''),
    );
    expect(dataset.length).toBe(expected.length);
    for (const [i, { input_ids, trained }] of expected.entries()) {
      const row = dataset.read(i);
      expect(Array.from(row.inputIds)).toEqual(input_ids);
      // Nothing can predict the first token; TRL's label there is shifted away.
      expect(Array.from(row.trained)).toEqual([0, ...trained.slice(1)]);
    }
    dataset.close();
  });
});

describe('BOS and EOS', () => {
  const text = (value: string): Example => ({ kind: 'text', text: value });

  test('text: BOS once in front, EOS once at the end, trained', () => {
    for (const written of ['Hi there', '<s>Hi there', 'Hi there</s>', '<s>Hi there</s></s>']) {
      const { inputIds, trained } = tokenize(llama2Like, text(written));
      expect(inputIds.filter((id) => id === llama2Like.bosId)).toEqual([1]);
      expect(inputIds.filter((id) => id === llama2Like.eosId)).toEqual([2]);
      expect([inputIds[0], inputIds.at(-1), trained.at(-1)]).toEqual([1, 2, 1]);
    }
  });

  test('a tokenizer without BOS gets none', () => {
    const { text: whole } = tokenize(qwen, text('Hi there'));
    expect(whole).toBe('Hi there<|im_end|>');
  });

  test('prompt and completion: joined before tokenizing, EOS after the completion', () => {
    const row = tokenize(llama2Like, { kind: 'prompt-completion', prompt: 'Question: 2 + 2 =', completion: ' 4' });
    expect(row.inputIds).toEqual([...llama2Like.encode('Question: 2 + 2 = 4'), 2]);
    expect([row.otherText, row.trainedText]).toEqual(['<s> Question: 2 + 2 =', '4</s>']);
  });

  test('a border inside a token: training begins where the tokens part', () => {
    const row = tokenize(llama3, { kind: 'prompt-completion', prompt: 'The answer is forty', completion: 'two' });
    const prompt = llama3.encode('The answer is forty');
    const whole = llama3.encode('The answer is fortytwo');
    const common = prompt.findIndex((id, i) => id !== whole[i]);
    expect(row.trained.indexOf(1)).toBe(common < 0 ? prompt.length : common);
    const merged = tokenize(llama3, { kind: 'prompt-completion', prompt: 'inter', completion: 'national law' });
    expect(merged.trainedText).toBe('international law<|eot_id|>');
    expect(merged.notes[0]).toContain('reaches over the border');
  });

  test('conversations get no EOS besides what their template writes', () => {
    const row = tokenize(llama3, {
      kind: 'messages',
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
      ],
    });
    expect(row.text).toBe(
      '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>',
    );
    expect(row.trained[0]).toBe(0);
    expect(row.trained.subarray(1).every((bit) => bit === 1)).toBe(true);
  });
});

describe('completion_only_loss and assistant_only_loss', () => {
  const turn: Example = {
    kind: 'prompt-completion',
    prompt: [{ role: 'user', content: 'Hi' }],
    completion: [{ role: 'assistant', content: 'Hello' }],
  };

  test('unset: the completion of conversations, as the generation prompt would leave it to the model', () => {
    expect(tokenize(llama3, turn).trainedText).toBe('Hello<|eot_id|>');
    expect(tokenize(qwen, turn).trainedText).toBe('<think>\n\n</think>\n\nHello<|im_end|>\n');
  });

  test('false: everything', () => {
    const row = tokenize(llama3, turn, { completionOnlyLoss: false });
    expect(row.trained.reduce((sum, bit) => sum + bit, 0)).toBe(row.inputIds.length - 1);
  });

  test('both: the assistant inside the completion', () => {
    const more: Example = {
      kind: 'prompt-completion',
      prompt: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Hello' },
        { role: 'user', content: 'Bye' },
      ],
      completion: [{ role: 'assistant', content: 'See you' }],
    };
    const both = tokenize(llama3, more, { assistantOnlyLoss: true });
    expect(both.trainedText).toBe('See you<|eot_id|>');
    const assistant = tokenize(llama3, more, { assistantOnlyLoss: true, completionOnlyLoss: false });
    expect(assistant.trainedText).toBe('Hello<|eot_id|>See you<|eot_id|>');
  });

  test('set where it has no meaning: said, or refused as TRL does', () => {
    const { notes } = tokenize(qwen, { kind: 'text', text: 'a' }, { completionOnlyLoss: true });
    expect(notes[0]).toContain('completion_only_loss has no effect');
    const error = userErrorOf(() => tokenize(qwen, { kind: 'text', text: 'a' }, { assistantOnlyLoss: true }));
    expect(error.code).toBe('assistant-only-loss-needs-conversations');
  });

  test('pre-tokenized rows: labels as they are; a completion mask unless it is switched off', () => {
    const ids = [1, 5, 6, 7];
    const bits = (example: Omit<Extract<Example, { kind: 'tokens' }>, 'kind' | 'inputIds'>, settings = {}) =>
      Array.from(tokenize(llama2Like, { kind: 'tokens', inputIds: ids, ...example }, settings).trained);
    expect(bits({})).toEqual([0, 1, 1, 1]);
    expect(bits({ trained: [1, 0, 1, 0] })).toEqual([0, 0, 1, 0]);
    expect(bits({ completionMask: [0, 0, 1, 1] })).toEqual([0, 0, 1, 1]);
    expect(bits({ completionMask: [0, 0, 1, 1] }, { completionOnlyLoss: false })).toEqual([0, 1, 1, 1]);
    expect(bits({ completionMask: [0, 0, 1, 1], assistantMasks: [0, 1, 1, 0] })).toEqual([0, 0, 1, 0]);
    expect(() => bits({ trained: [0, 0, 0, 0] })).not.toThrow();
    expect(() => tokenize(llama2Like, { kind: 'tokens', inputIds: [1, 99999] })).toThrow(/input_ids holds 99999/);
  });
});

describe('templates', () => {
  const task: Example = { kind: 'instruction', instruction: 'Add', input: '2 3', output: '5', history: [] };

  test('the model’s own: a chat', () => {
    const row = tokenize(llama3, { ...task, system: 'Be brief.' });
    expect(row.otherText).toContain('system<|end_header_id|>\n\nBe brief.<|eot_id|>');
    expect(row.otherText).toContain('user<|end_header_id|>\n\nAdd\n\n2 3<|eot_id|>');
    expect(row.trainedText).toBe('5<|eot_id|>');
  });

  test('a model without one: Alpaca for instructions, which is said; a refusal for conversations', () => {
    const row = tokenize(llama2Like, task);
    expect(row.text).toBe(
      '<s> Below is an instruction that describes a task, paired with an input that provides further context. ' +
        'Write a response that appropriately completes the request.\n\n### Instruction:\nAdd\n\n### Input:\n2 3' +
        '\n\n### Response:\n5</s>',
    );
    expect(row.trainedText).toBe('5</s>');
    expect(row.notes[0]).toContain('Alpaca');
    const chat: Example = { kind: 'messages', messages: [{ role: 'user', content: 'a' }] };
    const error = userErrorOf(() => tokenize(llama2Like, chat));
    expect([error.code, error.fix]).toEqual(['chat-template-missing', expect.stringContaining('template: chatml')]);
    expect(userErrorOf(() => tokenize(llama3, chat, { template: 'none' })).code).toBe('conversations-need-a-template');
  });

  test('none: the parts on lines of their own', () => {
    const row = tokenize(llama3, { ...task, history: [['a', 'b']] }, { template: 'none' });
    expect(row.text).toBe('<|begin_of_text|>a\nb\nAdd\n2 3\n5<|eot_id|>');
    expect(row.trainedText).toBe('5<|eot_id|>');
  });

  test('ChatML on a tokenizer that has its tokens', () => {
    const row = tokenize(qwen, { ...task, history: [['a', 'b']] }, { template: 'chatml' });
    expect(row.text).toBe(
      '<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nAdd\n\n2 3<|im_end|>\n' +
        '<|im_start|>assistant\n5<|im_end|>\n',
    );
    expect(row.trainedText).toBe('5<|im_end|>\n');
  });

  test('text of prompt and completion is left alone by default and wrapped by a template asked for by name', () => {
    const pair: Example = { kind: 'prompt-completion', prompt: 'a', completion: 'b' };
    expect(tokenize(qwen, pair).text).toBe('ab<|im_end|>');
    expect(tokenize(qwen, pair, { template: 'chatml' }).text).toContain('<|im_start|>user\na<|im_end|>');
    expect(tokenize(qwen, pair, { template: 'alpaca' }).text).toContain(
      '### Instruction:\na\n\n### Response:\nb<|im_end|>',
    );
  });
});

describe('max_length', () => {
  const words: Example = { kind: 'text', text: 'one two three four five six' };
  const whole = tokenize(llama3, words);

  test('keeps the start', () => {
    const cut = tokenize(llama3, words, { maxLength: 4 });
    expect(cut.inputIds).toEqual(whole.inputIds.slice(0, 4));
    expect([cut.trained.length, cut.fullLength]).toEqual([4, whole.inputIds.length]);
  });

  test('keeps the end where truncation_mode says so; what is first then has nothing before it', () => {
    const cut = tokenize(llama3, words, { maxLength: 4, truncationMode: 'keep_end' });
    expect(cut.inputIds).toEqual(whole.inputIds.slice(-4));
    expect([...cut.trained]).toEqual([0, 1, 1, 1]);
    expect(cut.fullLength).toBe(whole.inputIds.length);
    const pair: Example = { kind: 'prompt-completion', prompt: 'one two three four', completion: ' five six' };
    expect(tokenize(llama3, pair, { maxLength: 4, truncationMode: 'keep_end' }).trainedText).toBe(
      ' five six<|eot_id|>',
    );
    expect(tokenize(llama3, words, { maxLength: 99, truncationMode: 'keep_end' }).inputIds).toEqual(whole.inputIds);
  });
});
