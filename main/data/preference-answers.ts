// Sorts out what a preference row holds: answers to a prompt beside them, or two whole conversations (messages, text or
// "Human: … Assistant: …" transcripts) whose common beginning is the prompt.
import { isDeepStrictEqual } from 'node:util';
import { RowProblem, requiredText, type ColumnName, type Columns } from './columns.ts';
import { messagesIn, withSystem } from './conversation.ts';
import { instructionMessages, type Instruction } from './templates.ts';
import type { Message, PreferenceExample } from './types.ts';

type Answer = string | Message[];
type Answers = { chosen: Answer; rejected: Answer };
type Tools = { tools?: unknown[] };
type Question = Omit<Instruction, 'output'>;

/** Text, a message or a list of messages. Throws RowProblem. */
export function readAnswer(columns: Columns, name: ColumnName): Answer {
  return messagesIn(columns.get(name), name) ?? requiredText(columns, name);
}

/** Text that the answers go on with. Where they are messages, it is what the user said, or it is said in them too. */
export function pairAfterText(question: Question, answers: Answers, tools: Tools): PreferenceExample {
  const { chosen, rejected } = answers;
  if (typeof chosen !== 'string' || typeof rejected !== 'string') return pairAfterQuestion(question, answers, tools);
  return textPair(question.instruction, chosen, rejected);
}

/** A question that a template asks. */
export function pairAfterQuestion(question: Question, answers: Answers, tools: Tools): PreferenceExample {
  const { chosen, rejected } = answers;
  if (typeof chosen === 'string' && typeof rejected === 'string') {
    const task = { kind: 'instruction', ...question } as const;
    return { kind: 'pair', chosen: { ...task, output: chosen }, rejected: { ...task, output: rejected } };
  }
  return pairAfterMessages(instructionMessages({ ...question, output: '' }).prompt, answers, tools);
}

/** A conversation and the two ways to go on. Answers that begin it anew are whole conversations themselves. */
export function pairAfterMessages(prompt: Message[], answers: Answers, tools: Tools): PreferenceExample {
  const [chosen, rejected] = [toTurns(answers.chosen), toTurns(answers.rejected)];
  if (beginsAnew(chosen) && beginsAnew(rejected)) {
    const system = prompt[0]?.role === 'system' ? prompt[0].content : undefined;
    return conversationPair(withSystem(chosen, system), withSystem(rejected, system), tools);
  }
  return messagePair(prompt, chosen, rejected, tools);
}

/** Two whole conversations. `templated`: a template was asked for by name, so transcripts are taken apart for it. */
export function pairWithin(
  { chosen, rejected }: Answers,
  system: string | undefined,
  tools: Tools,
  templated: boolean,
): PreferenceExample {
  if (typeof chosen !== 'string' || typeof rejected !== 'string') {
    return conversationPair(withSystem(toTurns(chosen), system), withSystem(toTurns(rejected), system), tools);
  }
  const turns = [chosen, rejected].map(transcriptTurns);
  const [good, bad] = turns;
  const silent = turns.map((list) => list?.at(-1)?.content === '');
  if (good && bad && templated) return conversationPair(withSystem(good, system), withSystem(bad, system), tools);
  const { prompt, answers } = commonText(chosen, rejected);
  if (templated && prompt.trim() === '') {
    throw new RowProblem('the two texts begin differently, so there is no question for the template');
  }
  return textPair(prompt, silent[0] ? '' : answers[0], silent[1] ? '' : answers[1]);
}

function textPair(prompt: string, chosen: string, rejected: string): PreferenceExample {
  const side = (completion: string) => ({ kind: 'prompt-completion', prompt, completion }) as const;
  return { kind: 'pair', chosen: side(chosen), rejected: side(rejected) };
}

function messagePair(prompt: Message[], chosen: Message[], rejected: Message[], tools: Tools): PreferenceExample {
  const side = (completion: Message[]) => ({ kind: 'prompt-completion', prompt, completion, ...tools }) as const;
  return { kind: 'pair', chosen: side(chosen), rejected: side(rejected) };
}

/** The prompt is what both begin with; something of each is always left as the answer (TRL's extract_prompt). */
function conversationPair(chosen: Message[], rejected: Message[], tools: Tools): PreferenceExample {
  const most = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < most && isDeepStrictEqual(chosen[common], rejected[common])) common++;
  if (common === 0 && most >= 0) {
    throw new RowProblem('the two conversations have no common beginning, so there is no prompt');
  }
  return messagePair(chosen.slice(0, common), chosen.slice(common), rejected.slice(common), tools);
}

function toTurns(answer: Answer): Message[] {
  return typeof answer === 'string' ? [{ role: 'assistant', content: answer }] : answer;
}

function beginsAnew(answer: Message[]): boolean {
  return answer[0]?.role === 'user' || answer[0]?.role === 'system';
}

/** As TRL's extract_prompt: character by character; a blank before the place where they part belongs to the answers. */
function commonText(chosen: string, rejected: string): { prompt: string; answers: [string, string] } {
  const most = Math.min(chosen.length, rejected.length) - 1;
  let common = 0;
  while (common < most && chosen[common] === rejected[common]) common++;
  const parted = chosen[common] !== rejected[common];
  // Never within a character that takes two code units.
  if (/[\uD800-\uDBFF]/.test(chosen[common - 1] ?? '')) common--;
  if (parted && chosen[common - 1] === ' ') common--;
  return { prompt: chosen.slice(0, common), answers: [chosen.slice(common), rejected.slice(common)] };
}

/** The turns of transcripts as hh-rlhf writes them ("\n\nHuman: … \n\nAssistant: …"), or undefined where the text is none. */
function transcriptTurns(text: string): Message[] | undefined {
  const [before, ...parts] = `\n\n${text.trim()}`.split(/\n\n(Human|Assistant):/);
  if (before !== '' || parts[0] !== 'Human' || !parts.includes('Assistant')) return undefined;
  const turns: Message[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    turns.push({ role: parts[i] === 'Human' ? 'user' : 'assistant', content: (parts[i + 1] ?? '').trim() });
  }
  return turns;
}
