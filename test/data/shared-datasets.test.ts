// Every file of ../shared/data/datasets is read rightly or refused clearly. The expected numbers were counted with
// Python's json and csv modules.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDataset, type DataOptions } from '../../main/data/load-dataset.ts';
import { loadPreferences, type PreferenceOptions } from '../../main/data/load-preferences.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';
import { UserError } from '../../main/errors.ts';
import { sharedData } from '../support/shared-data.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cache = tempFolder();
const datasets = join(sharedData ?? '', 'datasets');
const tokenizer = sharedData === undefined ? undefined : loadTokenizer(join(sharedData, 'models', 'stories260K-hf'));

type Expected =
  | { rows: number; shape: string; first: string; prompt?: string; columns?: Record<string, string> }
  | { refused: string; saying: RegExp };

// first: the beginning of the first row's trained text; prompt: something of what stands before it.
const EXPECTED: Record<string, Expected> = {
  'fastchat/dummy_conversation.json': {
    rows: 500,
    shape: 'conversations',
    first: '<|im_start|>user\nWho are you?</s> \n<|im_start|>assistant\nI am Vicuna, a language model',
  },
  'litgpt/dolly.json': {
    rows: 12,
    shape: 'instruction/[context]/response',
    prompt: 'When did Virgin Australia start operating?\n\nVirgin Australia, the trading name',
    first: 'Virgin Australia commenced services on 31 August 2000',
  },
  'llamafactory/dpo_en_demo.json': { refused: 'dataset-is-preference-data', saying: /chosen and rejected/ },
  'llamafactory/identity.json': {
    rows: 91,
    shape: 'instruction/[input]/output',
    prompt: 'user\nhi</s>',
    first: 'Hello! I am {{name}}, an AI assistant developed by {{author}}.',
  },
  'llm-engineers-handbook/instruct_datasets.json': {
    rows: 2250,
    shape: 'instruction/[input]/answer',
    prompt: 'Explain how an LLM Twin can enhance communication efficiency.',
    first: 'An LLM Twin enhances communication efficiency by automating responses',
  },
  'llm-engineers-handbook/preference_datasets.json': {
    refused: 'dataset-is-preference-data',
    saying: /columns: \{prompt: instruction, completion: chosen\}/,
  },
  'messy/crlf_imdb_top_1000.csv': { refused: 'dataset-no-usable-column', saying: /"Series_Title".*column mapping/ },
  'messy/lfs-pointer_preference_sample.jsonl': { refused: 'dataset-lfs-pointer', saying: /752801 bytes.*git lfs pull/ },
  'messy/non-utf8_25000_spend_dataset.csv': {
    refused: 'dataset-not-utf8',
    saying: /:1 is not UTF-8: byte 0xA3 at offset 45 .*iconv -f cp1252/,
  },
  'messy/pretty-printed_input.jsonl': { refused: 'dataset-pretty-printed', saying: /:1 .*jq -c/ },
  'messy/verilog_dpo_dataset.jsonl': { refused: 'dataset-is-preference-data', saying: /completion: chosen/ },
  'mlx-lora/test.jsonl': { rows: 100, shape: 'text', first: 'table: 1-10015132-16\ncolumns: Player, No., Nationality' },
  'mlx-lora/train.jsonl': { rows: 1000, shape: 'text', first: 'table: 1-1000181-1\ncolumns: State/territory' },
  'mlx-lora/valid.jsonl': { rows: 100, shape: 'text', first: 'table: 1-10015132-11\ncolumns: Player' },
  'ms-swift/alpaca.csv': {
    rows: 3,
    shape: 'instruction/[input]/output',
    prompt: 'system\n00000</s> \n<|im_start|>user\n11111\n\n22222',
    first: '3.3</s>',
  },
  'ms-swift/alpaca.jsonl': {
    rows: 3,
    shape: 'instruction/[input]/output',
    prompt: 'user\naaaaa</s> \n<|im_start|>assistant\nbbbbb</s> \n<|im_start|>user\n11111\n\n22222',
    first: '33333</s>',
  },
  'ms-swift/alpaca2.csv': {
    rows: 3,
    shape: 'instruction/[input]/output',
    prompt: 'user\n11111</s>',
    first: '33333</s>',
  },
  'ms-swift/chatml.jsonl': {
    rows: 3,
    shape: 'messages',
    first: '<|im_start|>system\n00000</s> \n<|im_start|>user\n11111</s>',
  },
  'ms-swift/conversations.jsonl': {
    rows: 3,
    shape: 'conversations',
    first: '<|im_start|>system\n00000</s> \n<|im_start|>user\n11111</s>',
  },
  'ms-swift/sharegpt.jsonl': {
    rows: 3,
    shape: 'conversation',
    first: '<|im_start|>system\n00000</s> \n<|im_start|>user\n11111</s> \n<|im_start|>assistant\n22222</s>',
  },
  'ms-swift/swift_multi.json': {
    rows: 3,
    shape: 'query/[context]/response',
    prompt: 'system\n00000</s> \n<|im_start|>user\n55555',
    first: '66666</s>',
  },
  'ms-swift/swift_multi.jsonl': {
    rows: 3,
    shape: 'query/[context]/response',
    prompt: 'system\n00000</s> \n<|im_start|>user\n55555',
    first: '66666</s>',
  },
  'ms-swift/swift_pre.csv': { rows: 3, shape: 'response only', first: '11111</s>' },
  'ms-swift/swift_pre.jsonl': { rows: 3, shape: 'response only', first: '11111</s>' },
  'ms-swift/swift_single.csv': {
    rows: 3,
    shape: 'query/[context]/response',
    prompt: 'system\n00000</s> \n<|im_start|>user\n11111',
    first: '22222</s>',
  },
  'ms-swift/swift_single.jsonl': {
    rows: 3,
    shape: 'query/[context]/response',
    prompt: 'system\n00000</s> \n<|im_start|>user\n11111',
    first: '22222</s>',
  },
  'nemo-aligner/dummy-dpo.jsonl': { refused: 'dataset-is-preference-data', saying: /chosen_response/ },
  'nemo-aligner/dummy-sft.jsonl': {
    rows: 30,
    shape: 'conversations',
    first: '<|im_start|>user\nWrite a Python function that calculates the Moore-Penrose inverse',
  },
  'openai-cookbook/drone_training.jsonl': {
    refused: 'dataset-too-many-invalid-rows',
    saying: /103 of 103 rows .*:1: the chat template cannot write the tool calls/,
  },
  'openai-cookbook/toy_chat_fine_tuning.jsonl': {
    rows: 5,
    shape: 'messages',
    first: '<|im_start|>system\nYou are a happy assistant that puts a positive spin on everything.',
  },
  'tinyshakespeare/input.txt': {
    rows: 7222,
    shape: 'text',
    first: 'First Citizen:\nBefore we proceed any further, hear me speak.</s>',
  },
  'torchtune/alpaca_tiny.json': {
    rows: 100,
    shape: 'instruction/[input]/output',
    prompt: 'user\nGive three tips for staying healthy.</s>',
    first: '1.Eat a balanced diet',
  },
  'torchtune/chat_tiny.json': {
    rows: 1,
    shape: 'conversations',
    first: '<|im_start|>system\nYou are an AI assistant.</s>',
  },
  'torchtune/hh_rlhf_tiny.json': { refused: 'dataset-is-preference-data', saying: /columns: \{messages: chosen\}/ },
  'torchtune/instruct_tiny.json': {
    rows: 2,
    shape: 'instruction/[context]/response',
    prompt: 'user\nWhat time is it in London?</s>',
    first: 'It is 10:00 AM in London</s>',
  },
  'torchtune/stack_exchange_paired_tiny.json': {
    refused: 'dataset-is-preference-data',
    saying: /response_j and response_k/,
  },
  'xtuner/openai_sft.jsonl': {
    rows: 128,
    shape: 'messages',
    first: '<|im_start|>user\nGive three tips for staying healthy.\n</s>',
  },
};

type Pairs = {
  rows: number;
  usable: number;
  identical: number;
  duplicates: number;
  shape: string;
  /** How the parts of the first pair begin (of the prompt, what is in it). */
  prompt: string;
  chosen: string;
  rejected: string;
};

/** All others are refused for preference training. */
const EXPECTED_PAIRS: Record<string, Pairs> = {
  'llamafactory/dpo_en_demo.json': {
    rows: 300,
    usable: 300,
    identical: 0,
    duplicates: 5,
    shape: 'conversations/chosen/rejected',
    prompt: "user\nHi! I'd like to create a new language game simulating the first person perspective",
    chosen: 'That sounds like a fun and engaging idea! Here are some tips',
    rejected: "Hello! I'd be happy to help you create a language game",
  },
  'llm-engineers-handbook/preference_datasets.json': {
    rows: 381,
    usable: 327,
    identical: 54,
    duplicates: 0,
    shape: 'instruction/[input]/chosen/rejected',
    prompt: 'user\nWhat challenges are mentioned regarding implementation?</s>',
    chosen: 'Challenges such as resource allocation and time constraints',
    rejected: 'There are several challenges that could hinder implementation.',
  },
  'messy/verilog_dpo_dataset.jsonl': {
    rows: 17,
    usable: 17,
    identical: 0,
    duplicates: 0,
    shape: 'prompt/chosen/rejected',
    prompt: 'user\n{"description": "0", "rank": "-1"',
    chosen: 'module moore_1101 (in,clk,rst,out);\n\ninput in,clk,rst;',
    rejected: '```\n{\n  "status_code": 200,',
  },
  'nemo-aligner/dummy-dpo.jsonl': {
    rows: 100,
    usable: 100,
    identical: 0,
    duplicates: 96,
    shape: 'prompt/chosen_response/rejected_response',
    prompt: '<extra_id_1>User\nThis is a test question?\n<extra_id_1>Assistant\n',
    chosen: 'This is the chosen response.\n<extra_id_1>',
    rejected: 'This is the rejected response.\n<extra_id_1>',
  },
  'torchtune/hh_rlhf_tiny.json': {
    rows: 1,
    usable: 1,
    identical: 0,
    duplicates: 0,
    shape: 'chosen/rejected',
    prompt: 'user\nWhat do I do when I have a hole in my trousers?</s>',
    chosen: 'Fix the hole.',
    rejected: 'Take them off.',
  },
  'torchtune/stack_exchange_paired_tiny.json': {
    rows: 25,
    usable: 25,
    identical: 0,
    duplicates: 0,
    shape: 'question/[context]/response_j/response_k',
    prompt: "user\nI'm writing a code using Java Swing to press the right button",
    chosen: 'The code you are showing does exactly one thing: attach action listeners',
    rejected: 'When you do this:\n\n```\nbutton1.addActionListener(',
  },
};

/** Files that are refused before their rows are known. */
const UNREADABLE = ['messy/lfs-pointer', 'messy/non-utf8', 'messy/pretty-printed'];

function options(file: string, more: Partial<DataOptions> = {}): DataOptions {
  return {
    files: [join(datasets, file)],
    datasetTextField: 'text',
    template: 'chatml',
    assistantOnlyLoss: false,
    maxLength: null,
    cacheDir: cache.path,
    ...more,
  };
}

async function load(file: string, more: Partial<DataOptions> = {}) {
  if (!tokenizer) throw new Error('no shared data');
  const { dataset, report } = await loadDataset(options(file, more), tokenizer);
  const row = dataset.read(0);
  const ids = Array.from(row.inputIds);
  const texts = {
    trained: tokenizer.decode(ids.filter((_, i) => row.trained[i] === 1)),
    prompt: tokenizer.decode(ids.filter((_, i) => row.trained[i] === 0)),
  };
  dataset.close();
  return { report, texts };
}

describe.skipIf(sharedData === undefined)('../shared/data/datasets as preference pairs', () => {
  const loadPairs = async (file: string, more: Partial<PreferenceOptions> = {}) => {
    if (!tokenizer) throw new Error('no shared data');
    const settings: PreferenceOptions = {
      files: [join(datasets, file)],
      template: 'chatml',
      maxLength: null,
      cacheDir: cache.path,
      ...more,
    };
    const { dataset, report } = await loadPreferences(settings, tokenizer);
    const { promptIds, chosenIds, rejectedIds } = dataset.read(0);
    dataset.close();
    const [prompt = '', chosen = '', rejected = ''] = [promptIds, chosenIds, rejectedIds].map((ids) =>
      tokenizer.decode(ids),
    );
    return { report, texts: { prompt, chosen, rejected } };
  };

  test.each(Object.entries(EXPECTED_PAIRS))('%s', async (file, expected) => {
    const { report, texts } = await loadPairs(file);
    const { prompt, chosen, rejected, ...counts } = expected;
    expect(report).toMatchObject({ ...counts, invalid: 0, empty: 0, noTrainedToken: 0, truncated: 0 });
    expect(texts.prompt).toContain(prompt);
    expect([texts.chosen.slice(0, chosen.length), texts.rejected.slice(0, rejected.length)]).toEqual([
      chosen,
      rejected,
    ]);
  });

  const others = Object.keys(EXPECTED).filter((file) => !(file in EXPECTED_PAIRS));
  test.each(others)('%s is refused', async (file) => {
    const error: unknown = await loadPairs(file).catch((thrown: unknown) => thrown);
    if (!(error instanceof UserError)) throw new Error(`not refused: ${String(error)}`);
    expect(error.message).toContain(file);
    const expected = EXPECTED[file];
    if (UNREADABLE.some((name) => file.startsWith(name))) {
      expect(expected && 'refused' in expected && expected.refused).toBe(error.code);
    } else if (file === 'messy/crlf_imdb_top_1000.csv') {
      expect(error.code).toBe('dataset-no-usable-column');
      expect(error.fix).toContain('columns: {prompt: Poster_Link, chosen: Series_Title, rejected: Released_Year}');
    } else {
      expect([error.code, error.fix]).toEqual([
        'dataset-is-not-preference-data',
        expect.stringMatching(/^Use SFT for this file/),
      ]);
      if (expected && 'shape' in expected) expect(error.message).toContain(`read as ${expected.shape};`);
    }
  });

  test('the test split of the handbook', async () => {
    const { report } = await loadPairs('llm-engineers-handbook/preference_datasets.json', { split: 'test' });
    expect(report).toMatchObject({ rows: 21, usable: 19, identical: 2 });
  });

  test('max_length of the handbook’s recipe: answers left without a token are counted and dropped', async () => {
    const file = 'torchtune/stack_exchange_paired_tiny.json';
    const { report } = await loadPairs(file, { maxLength: 1024, template: 'alpaca' });
    expect(report.usable + report.noTrainedToken).toBe(25);
    expect(report.noTrainedToken).toBeGreaterThan(0);
    const end = await loadPairs(file, { maxLength: 1024, template: 'alpaca', truncationMode: 'keep_end' });
    expect(end.report).toMatchObject({ usable: 25, noTrainedToken: 0, truncated: report.truncated });
  });
});

describe.skipIf(sharedData === undefined)('../shared/data/datasets', () => {
  test('every file is in the table', () => {
    const folders = sharedData === undefined ? [] : readdirSync(datasets);
    const files = folders.flatMap((folder) => readdirSync(join(datasets, folder)).map((name) => `${folder}/${name}`));
    expect(Object.keys(EXPECTED).sort()).toEqual(files.sort());
  });

  test.each(Object.entries(EXPECTED))('%s', async (file, expected) => {
    if ('refused' in expected) {
      const error: unknown = await load(file).catch((thrown: unknown) => thrown);
      if (!(error instanceof UserError)) throw new Error(`not refused: ${String(error)}`);
      expect(error.code).toBe(expected.refused);
      expect(`${error.message} ${error.fix}`).toMatch(expected.saying);
      expect(error.message).toContain(file);
      return;
    }
    const { report, texts } = await load(file);
    expect(report).toMatchObject({
      rows: expected.rows,
      usable: expected.rows,
      shape: expected.shape,
      invalid: 0,
      empty: 0,
    });
    expect(texts.trained.startsWith(expected.first), texts.trained.slice(0, 200)).toBe(true);
    if (expected.prompt !== undefined) expect(texts.prompt).toContain(expected.prompt);
  });

  test('the table with commas in quotes and CRLF, once its columns are mapped', async () => {
    const { report, texts } = await load('messy/crlf_imdb_top_1000.csv', {
      columns: { prompt: 'Series_Title', completion: 'Overview' },
    });
    expect(report).toMatchObject({ rows: 1000, usable: 1000, invalid: 0 });
    expect(texts.prompt).toContain('The Shawshank Redemption');
    expect(texts.trained).toContain('finding solace and eventual redemption through acts of common decency.');
  });

  test('the better answers of preference files, once mapped; rows of 68,000 characters', async () => {
    const verilog = await load('messy/verilog_dpo_dataset.jsonl', {
      columns: { prompt: 'prompt', completion: 'chosen' },
    });
    expect(verilog.report.usable).toBe(17);
    const harmless = await load('torchtune/hh_rlhf_tiny.json', { columns: { messages: 'chosen' } });
    expect(harmless.texts.trained).toContain('Fix the hole.');
  });

  test('the test split of the handbook, and a file of it alone', async () => {
    const file = 'llm-engineers-handbook/instruct_datasets.json';
    expect((await load(file, { split: 'test' })).report.rows).toBe(250);
    expect((await load(`${file}#test.articles.samples`)).report.rows).toBe(250);
  });

  test('the converted spreadsheet is read', async () => {
    const bytes = readFileSync(join(datasets, 'messy/non-utf8_25000_spend_dataset.csv'));
    const file = cache.write('spend.csv', bytes.toString('latin1'));
    if (!tokenizer) return;
    const { dataset, report } = await loadDataset(
      { ...options(''), files: [file], columns: { prompt: 'Supplier', completion: 'Description' } },
      tokenizer,
    );
    dataset.close();
    expect(report).toMatchObject({ rows: 359, usable: 359 });
  });

  test('tool calls, where the template can write them', async () => {
    const { tokenizerFolders } = await import('../support/real-tokenizers.ts');
    const qwen = loadTokenizer(tokenizerFolders.qwen3);
    const { dataset, report } = await loadDataset(
      options('openai-cookbook/drone_training.jsonl', { template: 'model', assistantOnlyLoss: true }),
      qwen,
    );
    expect(report).toMatchObject({ rows: 103, usable: 103, shape: 'messages' });
    const row = dataset.read(0);
    const trained = qwen.decode(Array.from(row.inputIds).filter((_, i) => row.trained[i] === 1));
    dataset.close();
    expect(trained).toContain('{"name": "takeoff_drone", "arguments": {"altitude": 100}}\n</tool_call><|im_end|>');
  });
});
