// The templates that come with Lorelei, for models without a chat template of their own: ChatML and Alpaca.
import type { Span } from './chat-template.ts';
import { RowProblem } from './columns.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { Example, Message } from './types.ts';

export type TemplateName = 'model' | 'chatml' | 'alpaca' | 'none';

/**
 * ChatML as a Jinja source. Begins with BOS where the tokenizer does. A turn ends with <|im_end|>, or with EOS where
 * the vocabulary lacks that token: the model could not stop after a turn end that is ordinary text.
 */
export function chatmlTemplate(tokenizer: TextTokenizer): string {
  const end = tokenizer.idOf('<|im_end|>') === undefined && tokenizer.eosToken ? '{{ eos_token }}' : '<|im_end|>';
  return (
    (tokenizer.addsBos ? '{{ bos_token }}' : '') +
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}" +
    `{% if message.role == 'assistant' %}{% generation %}{{ message.content }}${end}{{ '\\n' }}{% endgeneration %}` +
    `{% else %}{{ message.content }}${end}{{ '\\n' }}{% endif %}{% endfor %}` +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
  );
}

const PREAMBLE =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';
const PREAMBLE_WITH_INPUT =
  'Below is an instruction that describes a task, paired with an input that provides further context. ' +
  'Write a response that appropriately completes the request.';

export type Instruction = Omit<Extract<Example, { kind: 'instruction' }>, 'kind'>;

/** The text with the answers' places; the last answer is the completion, and EOS still has to follow it. */
export function writeAlpaca(example: Instruction, eosToken: string): { text: string; answers: Span[] } {
  const preamble = example.system ?? (example.input === undefined ? PREAMBLE : PREAMBLE_WITH_INPUT);
  const input = example.input === undefined ? '' : `\n\n### Input:\n${example.input}`;
  const turns: [question: string, answer: string][] = [
    ...example.history.map(([question, answer]): [string, string] => [question, answer + eosToken]),
    [example.instruction + input, example.output],
  ];
  const answers: Span[] = [];
  let text = preamble;
  for (const [question, answer] of turns) {
    text += `\n\n### Instruction:\n${question}\n\n### Response:\n`;
    answers.push({ start: text.length, end: text.length + answer.length });
    text += answer;
  }
  return { text, answers };
}

/** Without a template: the parts on lines of their own, then the answer. */
export function writePlain(example: Instruction): { prompt: string; completion: string } {
  const parts = [example.system, ...example.history.flat(), example.instruction, example.input];
  return { prompt: `${parts.filter((part) => part !== undefined).join('\n')}\n`, completion: example.output };
}

/** As the turns of a chat. */
export function instructionMessages(example: Instruction): { prompt: Message[]; completion: Message[] } {
  const prompt: Message[] = example.system === undefined ? [] : [{ role: 'system', content: example.system }];
  for (const [question, answer] of example.history) {
    prompt.push({ role: 'user', content: question }, { role: 'assistant', content: answer });
  }
  const question = example.input === undefined ? example.instruction : `${example.instruction}\n\n${example.input}`;
  prompt.push({ role: 'user', content: question });
  return { prompt, completion: [{ role: 'assistant', content: example.output }] };
}

/** The other way round, for templates that know only questions and answers. Throws RowProblem. */
export function messagesAsInstruction(messages: Message[]): Instruction {
  const [first, ...rest] = messages;
  const system = first?.role === 'system' ? first.content : undefined;
  const turns = system === undefined ? messages : rest;
  const pairs: [string, string][] = [];
  for (let i = 0; i < turns.length; i += 2) {
    const [question, answer] = [turns[i], turns[i + 1]];
    if (question?.role !== 'user' || answer?.role !== 'assistant') {
      throw new RowProblem('the Alpaca template needs user and assistant messages in turn, ending with an answer');
    }
    pairs.push([question.content, answer.content]);
  }
  const last = pairs.pop();
  if (!last) throw new RowProblem('the conversation has no answer');
  const [instruction, output] = last;
  return { history: pairs, instruction, output, ...(system === undefined ? {} : { system }) };
}
