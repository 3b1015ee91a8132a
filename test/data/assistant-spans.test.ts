// Which tokens assistant_only_loss trains: against TRL's training templates and transformers' {% generation %} masks,
// and by reading the trained tokens back.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../main/data/tokenizer.ts';
import { cutRow, tokenizeExample } from '../../main/data/tokenize-example.ts';
import type { Message } from '../../main/data/types.ts';
import { exampleWriter } from '../../main/data/write-example.ts';
import { tokenizerFolders } from '../support/real-tokenizers.ts';

type Chat = {
  name: string;
  messages: Message[];
  tools?: unknown[];
  ids: number[];
  assistant_mask?: number[];
  marked?: { ids: number[]; assistant_mask: number[] };
};
type Golden = { chats: Chat[]; marked_template?: string };

function golden(name: string): Golden {
  const path = join(import.meta.dirname, '..', 'goldens', 'tokenizers', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as Golden;
}

function tokenize(
  tokenizer: TextTokenizer,
  messages: Message[],
  template: 'model' | 'chatml' | 'alpaca' = 'model',
  tools?: unknown[],
) {
  const note = () => undefined;
  const writer = exampleWriter(tokenizer, template, note);
  const example = { kind: 'messages' as const, messages, ...(tools ? { tools } : {}) };
  return cutRow(tokenizeExample(example, tokenizer, writer, { assistantOnlyLoss: true }, note), { maxLength: null });
}

/** The trained stretches as text. */
function trainedTexts(tokenizer: TextTokenizer, row: { inputIds: number[]; trained: Uint8Array }): string[] {
  const texts: string[] = [];
  let run: number[] = [];
  for (const [i, id] of [...row.inputIds, -1].entries()) {
    if (row.trained[i] === 1) run.push(id);
    else if (run.length > 0) {
      texts.push(tokenizer.decode(run));
      run = [];
    }
  }
  return texts;
}

describe('Llama 3.1', () => {
  const tokenizer = loadTokenizer(tokenizerFolders.llama3_1);
  test.each(golden('llama3_1').chats)('the mask of TRL: $name', ({ messages, ids, assistant_mask }) => {
    const row = tokenize(tokenizer, messages);
    expect(row.inputIds).toEqual(ids);
    expect(Array.from(row.trained)).toEqual(assistant_mask);
  });

  test('each answer with its end token, and nothing else', () => {
    const messages = golden('llama3_1').chats.find((chat) => chat.name === 'system and two turns')?.messages ?? [];
    expect(trainedTexts(tokenizer, tokenize(tokenizer, messages))).toEqual([
      'Hello! How can I help?<|eot_id|>',
      'Tea,\nplease ☕.<|eot_id|>',
    ]);
  });

  test('BOS stands once', () => {
    const row = tokenize(tokenizer, [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yo' },
    ]);
    expect(row.inputIds.filter((id) => id === tokenizer.bosId)).toEqual([128000]);
  });
});

describe('Qwen 3, whose template treats the last answer unlike earlier ones', () => {
  const tokenizer = loadTokenizer(tokenizerFolders.qwen3);
  const { chats, marked_template: markedTemplate } = golden('qwen3');
  const chat = (name: string) => chats.find((one) => one.name === name) ?? { messages: [], ids: [], name };

  test('earlier answers without, the last with its (empty) thoughts', () => {
    const row = tokenize(tokenizer, chat('system and two turns').messages);
    expect(row.inputIds).toEqual(chat('system and two turns').ids);
    expect(trainedTexts(tokenizer, row)).toEqual([
      'Hello! How can I help?<|im_end|>\n',
      '<think>\n\n</think>\n\nTea,\nplease ☕.<|im_end|>\n',
    ]);
  });

  test('thoughts of earlier answers are left out by the template and so are not trained', () => {
    const row = tokenize(tokenizer, chat('thoughts in every answer').messages);
    expect(trainedTexts(tokenizer, row)).toEqual(['4<|im_end|>\n', '<think>\n4 * 3\n</think>\n\n12<|im_end|>\n']);
  });

  test('words that stand elsewhere too do not confuse it', () => {
    const row = tokenize(tokenizer, chat('same words everywhere').messages);
    expect(trainedTexts(tokenizer, row)).toEqual(['user<|im_end|>\n', '<think>\n\n</think>\n\nuser<|im_end|>\n']);
  });

  test('tool calls are trained, what tools answer is not', () => {
    const { messages, tools, ids } = chat('tool call');
    const row = tokenize(tokenizer, messages, 'model', tools);
    expect(row.inputIds).toEqual(ids);
    const [call, answer, ...more] = trainedTexts(tokenizer, row);
    expect(call).toContain('<tool_call>\n{"name": "weather", "arguments": {"town": "Oslo"}}\n</tool_call><|im_end|>\n');
    expect(answer).toContain('It is clear.<|im_end|>\n');
    expect(more).toEqual([]);
  });

  test.each(chats.filter((one) => one.marked))(
    '{% generation %} as transformers reads it: $name',
    ({ messages, marked }) => {
      const row = tokenize(tokenizer.with({ chatTemplate: markedTemplate }), messages);
      expect(row.inputIds).toEqual(marked?.ids);
      expect(Array.from(row.trained)).toEqual(marked?.assistant_mask);
    },
  );
});

describe('templates of other habits', () => {
  const tokenizer = loadTokenizer(tokenizerFolders.mistral);
  const twoTurns: Message[] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello there' },
    { role: 'user', content: 'Bye' },
    { role: 'assistant', content: 'See you' },
  ];
  const spansWith = (chatTemplate: string, messages = twoTurns) => {
    const changed = tokenizer.with({ chatTemplate });
    return trainedTexts(changed, tokenize(changed, messages)).map((text) => text.trim());
  };

  test('no generation prompt (Mistral)', () => {
    const template =
      "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}" +
      "{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}";
    expect(spansWith(template)).toEqual(['Hello there</s>', 'See you</s>']);
  });

  test('a generation prompt that the finished conversation does not have (thinking models)', () => {
    const template =
      "{{ bos_token }}{% for m in messages %}{{ '<' + m.role + '>' + m.content + eos_token }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<assistant><think>\\n' }}{% endif %}";
    expect(spansWith(template)).toEqual(['Hello there</s>', 'See you</s>']);
  });

  test('another end for the last answer (gpt-oss)', () => {
    const template =
      "{% for m in messages %}{{ '<' + m.role + '>' + m.content }}{{ '<unk>' if loop.last else '</s>' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}";
    expect(spansWith(template)).toEqual(['Hello there</s>', 'See you<unk>']);
  });

  test('roles that must alternate (Gemma), spaces that are trimmed', () => {
    const template =
      "{{ bos_token }}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}" +
      "{{ raise_exception('Conversation roles must alternate') }}{% endif %}" +
      "{{ '<turn>' + m.role + '\\n' + (m.content | trim) + eos_token + '\\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ '<turn>assistant\\n' }}{% endif %}";
    const spaced = twoTurns.map((message) => ({ ...message, content: `  ${message.content}\n` }));
    expect(spansWith(template, spaced)).toEqual(['Hello there</s>', 'See you</s>']);
    expect(() => spansWith(template, twoTurns.slice(1))).toThrow('Conversation roles must alternate');
  });

  test('ChatML of ours ends turns with EOS where the vocabulary lacks <|im_end|>', () => {
    const row = tokenize(tokenizer, twoTurns, 'chatml');
    expect(trainedTexts(tokenizer, row).map((text) => text.trim())).toEqual(['Hello there</s>', 'See you</s>']);
    expect(row.inputIds[0]).toBe(tokenizer.bosId);
    expect(row.inputIds[1]).not.toBe(tokenizer.bosId);
  });

  test('Alpaca: every answer with its EOS', () => {
    const row = tokenize(tokenizer, twoTurns, 'alpaca');
    expect(trainedTexts(tokenizer, row)).toEqual(['Hello there</s>', 'See you</s>']);
    expect(tokenizer.decode(row.inputIds)).toBe(
      '<s> Below is an instruction that describes a task. Write a response that appropriately completes the request.' +
        '\n\n### Instruction:\nHi\n\n### Response:\nHello there</s> \n\n### Instruction:\nBye\n\n### Response:\nSee you</s>',
    );
  });
});
