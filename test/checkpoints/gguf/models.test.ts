// What a GGUF file says of a model that cannot be trained, in words; and tokenizers of released models, described as
// llama.cpp's converter describes them, against ids by their own files (test/parity/tokenizer_goldens.py).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { GgufValue } from '../../../main/checkpoints/gguf/header.ts';
import { Metadata } from '../../../main/checkpoints/gguf/metadata.ts';
import { openGguf } from '../../../main/checkpoints/gguf/model.ts';
import { readGgufTokenizer } from '../../../main/checkpoints/gguf/tokenizer.ts';
import { sourceOnHub } from '../../../main/checkpoints/gguf/converted-from.ts';
import { TextTokenizer } from '../../../main/data/tokenizer.ts';
import { UserError } from '../../../main/errors.ts';
import { goldensFolder } from '../../support/goldens.ts';
import { tokenizerFolders } from '../../support/real-tokenizers.ts';
import { scratchFolder } from '../scratch.ts';
import { ggufBytes, type Value } from './write-gguf.ts';

type Files = {
  added_tokens: { id: number; content: string; special: boolean }[];
  model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
};

/** As get_vocab_base and _set_vocab_gpt2 of convert_hf_to_gguf.py. */
function metadataOf(folder: string, kind: 'gpt2' | 'llama', pre: string, bos: string | undefined): Metadata {
  const files = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8')) as Files;
  const { vocab, merges } = files.model;
  const added = new Map(files.added_tokens.map((token) => [token.id, token]));
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
  for (const { id, content } of added.values()) tokens[id] = content;
  const byte = (token: string): boolean => kind === 'llama' && /^<0x..>$/.test(token);
  const types = Array.from(tokens, (token, id) => {
    const one = added.get(id);
    if (one?.content === '<unk>') return 2;
    return one ? (one.special ? 3 : 4) : byte(token) ? 6 : 1;
  });
  const pairs = merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  // Of SentencePiece's scores the file keeps the order alone: that of the merges that make the tokens.
  const ranks = new Map<string, number>();
  for (const [rank, pair] of pairs.entries()) {
    const made = pair.replace(' ', '');
    if (!ranks.has(made)) ranks.set(made, rank);
  }
  const scores = tokens.map((token) => -(ranks.get(token) ?? 1e6));
  const values: [string, GgufValue][] = [
    ['general.architecture', 'llama'],
    ['tokenizer.ggml.model', kind],
    ['tokenizer.ggml.tokens', tokens],
    ['tokenizer.ggml.token_type', types],
    ...(kind === 'gpt2'
      ? ([
          ['tokenizer.ggml.pre', pre],
          ['tokenizer.ggml.merges', pairs],
        ] as [string, GgufValue][])
      : ([
          ['tokenizer.ggml.scores', scores],
          ['tokenizer.ggml.unknown_token_id', 0],
        ] as [string, GgufValue][])),
    ...(bos === undefined ? [] : ([['tokenizer.ggml.bos_token_id', tokens.indexOf(bos)]] as [string, GgufValue][])),
  ];
  return new Metadata({ path: 'model.gguf', metadata: new Map(values) });
}

describe.each([
  ['llama3_1', 'gpt2', 'llama-bpe', '<|begin_of_text|>'],
  ['qwen3', 'gpt2', 'qwen2', undefined],
  ['mistral', 'llama', 'default', '<s>'],
] as const)('the tokenizer of %s', (name, kind, pre, bos) => {
  test('gives the ids of its own files', () => {
    const { json, config } = readGgufTokenizer(metadataOf(tokenizerFolders[name], kind, pre, bos));
    const tokenizer = new TextTokenizer({ folder: 'model.gguf', source: '', json, config });
    const path = join(goldensFolder, 'tokenizers', `${name}.json`);
    const { texts } = JSON.parse(readFileSync(path, 'utf8')) as { texts: Record<'text' | 'plain' | 'ids', never>[] };
    expect(texts.length).toBeGreaterThan(20);
    for (const { text, plain } of texts)
      expect([text, tokenizer.encode(text, { specialTokens: false })]).toEqual([text, plain]);
    expect(tokenizer.addsBos).toBe(bos !== undefined);
  });
});

const size = (u32: number): Value => ({ u32 });
const tiny: Record<string, Value> = {
  'general.architecture': { text: 'llama' },
  'llama.block_count': size(1),
  'llama.context_length': size(64),
  'llama.embedding_length': size(32),
  'llama.feed_forward_length': size(32),
  'llama.attention.head_count': size(2),
  'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
};

function refusalOf(metadata: Record<string, Value>, names: readonly string[] = [], type = 0): string {
  const path = join(scratchFolder(), 'model.gguf');
  const tensors = ['token_embd.weight', ...names].map((name, i) => {
    const sizes = /norm/.test(name) ? [32] : name.startsWith('token') ? [32, 4] : [32, 32];
    return { name, sizes, type, offset: i * 4096 };
  });
  writeFileSync(path, ggufBytes({ metadata, tensors, data: tensors.length * 4096 }));
  try {
    openGguf(path);
  } catch (error) {
    if (error instanceof UserError) return `${error.message} ${error.fix}`;
    throw error;
  }
  return 'opened';
}

const parts = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down', 'attn_norm', 'ffn_norm'];
const whole = [...parts.map((part) => `blk.0.${part}.weight`), 'output_norm.weight'];

test.each<[string, Record<string, Value>, readonly string[], RegExp]>([
  ['no architecture', {}, whole, /it has no general.architecture/],
  [
    'another architecture',
    { 'general.architecture': { text: 'bert' } },
    whole,
    /its architecture is "bert"; GGUF files of these can be trained: llama, /,
  ],
  [
    'experts',
    { 'general.architecture': { text: 'mixtral' }, 'mixtral.expert_count': size(8) },
    whole,
    /a mixture of experts/,
  ],
  [
    'a text for a number',
    { ...tiny, 'llama.block_count': { text: 'many' } },
    whole,
    /llama.block_count is "many"; a number was expected/,
  ],
  [
    'a part of a model under another name',
    { ...tiny, 'split.count': size(3) },
    whole,
    /one of 3 parts.*00001-of-00003/,
  ],
  [
    'a missing tensor',
    tiny,
    whole.slice(1),
    /asks for model.layers.0.self_attn.q_proj.weight \[32, 32\], and it has no such tensor/,
  ],
  ['a tensor too many', tiny, [...whole, 'blk.0.ffn_gate_exps.weight'], /it has the tensor blk.0.ffn_gate_exps.weight/],
  [
    'a layer too many',
    tiny,
    [...whole, 'blk.1.attn_q.weight'],
    /blk.1.attn_q.weight, which its metadata has no use for/,
  ],
  [
    'millions of layers',
    { ...tiny, 'llama.block_count': size(2 ** 31) },
    whole,
    /says 2147483648 layers, and it has 11 tensors/,
  ],
  ['another scaling', { ...tiny, 'llama.rope.scaling.type': { text: 'ntk' } }, whole, /its RoPE scaling is "ntk"/],
  [
    'YaRN without its length',
    { ...tiny, 'llama.rope.scaling.type': { text: 'yarn' } },
    whole,
    /no llama.rope.scaling.original_context_length/,
  ],
  [
    'half of LongRoPE',
    tiny,
    [...whole, 'rope_factors_long.weight'],
    /of rope_factors_long.weight and rope_factors_short.weight it has only one/,
  ],
  ['a window that Llama has not', { ...tiny, 'llama.attention.sliding_window': size(512) }, whole, /sliding_window/],
  [
    'other numbers of heads in each layer',
    { ...tiny, 'llama.attention.head_count_kv': { numbers: [2, 0] } },
    whole,
    /head_count_kv is not the same for every layer/,
  ],
  [
    'the same number of heads twice',
    { ...tiny, 'llama.attention.head_count_kv': { numbers: [2, 2] } },
    whole,
    /no voc/,
  ],
  [
    'RoPE on a part of a head',
    { ...tiny, 'llama.rope.dimension_count': size(8) },
    whole,
    /RoPE turns 8 of the 16 dimensions/,
  ],
  ['no tokenizer', tiny, whole, /it has no vocabulary/],
  ['a tokenizer of another kind', { ...tiny, ...vocabulary('bert') }, whole, /of the kind "bert"/],
  [
    'a pre-tokenizer that nobody knows',
    { ...tiny, ...vocabulary('gpt2', 'mystery') },
    whole,
    /in the way "mystery", which is not known; known are gpt-2, /,
  ],
  ['a file from before pre-tokenizers were named', { ...tiny, ...vocabulary('gpt2') }, whole, /Take a newer file/],
  [
    'an id beyond the vocabulary',
    { ...tiny, ...vocabulary('gpt2', 'gpt-2'), 'tokenizer.ggml.eos_token_id': size(9) },
    whole,
    /eos_token_id is 9, and there are 4 tokens/,
  ],
  ['nothing wrong', { ...tiny, ...vocabulary('gpt2', 'gpt-2') }, whole, /^opened$/],
])('of a file with %s that is said', (_, metadata, names, told) => {
  expect(refusalOf(metadata, names)).toMatch(told);
});

test('of types that are only known by name, which others to take', () => {
  expect(refusalOf({ ...tiny, ...vocabulary('gpt2', 'gpt-2') }, whole, 20)).toMatch(
    /is stored as IQ4_NL; these can be read: F32, F16, .* Take another file of the model: Q8_0 .* Q4_K_M/,
  );
});

function vocabulary(kind: string, pre?: string): Record<string, Value> {
  return {
    'tokenizer.ggml.model': { text: kind },
    'tokenizer.ggml.tokens': { texts: ['a', 'b', 'ab', '<end>'] },
    'tokenizer.ggml.token_type': { numbers: [1, 1, 1, 3] },
    'tokenizer.ggml.merges': { texts: ['a b'] },
    ...(pre === undefined ? {} : { 'tokenizer.ggml.pre': { text: pre } }),
  };
}

test.each<[string, Record<string, string>, string | undefined]>([
  ['the source that is named', { 'general.source.repo_url': 'https://huggingface.co/ada/otter-1b' }, 'ada/otter-1b'],
  [
    'a base model of the same name',
    { 'general.name': 'Otter 1B', 'general.base_model.0.repo_url': 'https://huggingface.co/ada/otter-1b' },
    'ada/otter-1b',
  ],
  [
    'not what it was fine-tuned from',
    { 'general.name': 'Otter 1B Instruct', 'general.base_model.0.repo_url': 'https://huggingface.co/ada/otter-1b' },
    undefined,
  ],
  ['not another site', { 'general.source.repo_url': 'https://example.org/ada/otter-1b' }, undefined],
])('the model on the Hub behind a file is %s', (_, values, id) => {
  expect(sourceOnHub(new Metadata({ path: '', metadata: new Map(Object.entries(values)) }))).toBe(id);
});
