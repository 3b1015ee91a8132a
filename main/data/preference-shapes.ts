// The table of row shapes that hold a better and a worse answer. The first row that fits wins. What the columns hold
// (text, messages, transcripts) is sorted out by preference-answers.ts.
import { RowProblem, optionalIntegers, optionalText, requiredList, type ColumnName, type Columns } from './columns.ts';
import { messagesIn, toMessages, withSystem } from './conversation.ts';
import { pairAfterMessages, pairAfterQuestion, pairAfterText, pairWithin, readAnswer } from './preference-answers.ts';
import { isRecord } from './readers/reader.ts';
import { readQuestion, toolsOf, type Shape } from './shapes.ts';
import type { PreferenceExample } from './types.ts';

/** Columns of the better and the worse answer. */
export const PREFERENCE_PAIRS: [good: ColumnName, bad: ColumnName][] = [
  ['chosen', 'rejected'],
  ['chosen_response', 'rejected_response'],
  ['preferred_output', 'non_preferred_output'],
  ['response_j', 'response_k'],
  ['chosen_ids', 'rejected_ids'],
  ['response', 'rejected_response'],
  ['messages', 'rejected_response'],
  ['messages', 'rejected_messages'],
];

/** Pairs of which a column can hold the whole conversation, so that no other column has to hold the question. */
const WITH_IMPLICIT_PROMPT: [good: ColumnName, bad: ColumnName][] = [
  ['chosen', 'rejected'],
  ['chosen_response', 'rejected_response'],
  ['preferred_output', 'non_preferred_output'],
  ['messages', 'rejected_messages'],
];

/** Columns that can hold the question, the surest first, with the column that adds to it. */
const QUESTIONS: { name: ColumnName; extra?: ColumnName; asks: 'text' | 'messages' | 'instruction' }[] = [
  { name: 'prompt', asks: 'text' },
  { name: 'messages', asks: 'messages' },
  { name: 'conversations', asks: 'messages' },
  { name: 'conversation', asks: 'messages' },
  { name: 'instruction', extra: 'input', asks: 'instruction' },
  { name: 'question', extra: 'context', asks: 'instruction' },
  { name: 'query', extra: 'context', asks: 'instruction' },
  { name: 'input', asks: 'instruction' },
];

export const PREFERENCE_SHAPES: Shape<PreferenceExample>[] = [
  { name: 'prompt_ids/chosen_ids/rejected_ids', needs: ['prompt_ids', 'chosen_ids', 'rejected_ids'], read: readTokens },
  ...PREFERENCE_PAIRS.filter(([good]) => good !== 'chosen_ids' && good !== 'messages').flatMap(([good, bad]) =>
    QUESTIONS.map((question) => questionWithPair(question, good, bad)),
  ),
  ...WITH_IMPLICIT_PROMPT.map(([good, bad]) => wholeConversations(good, bad)),
  {
    // ms-swift: the conversation ends with the better answer.
    name: 'messages/rejected_response',
    needs: ['messages', 'rejected_response'],
    uses: ['system', 'tools'],
    read(columns) {
      const whole = toMessages(requiredList(columns, 'messages'), 'messages');
      const good = whole.at(-1);
      if (good?.role !== 'assistant') throw new RowProblem('"messages" does not end with an answer');
      const prompt = withSystem(whole.slice(0, -1), optionalText(columns, 'system'));
      const tools = toolsOf(columns);
      return pairAfterMessages(prompt, { chosen: [good], rejected: readAnswer(columns, 'rejected_response') }, tools);
    },
  },
];

function questionWithPair(
  { name, extra, asks }: (typeof QUESTIONS)[number],
  good: ColumnName,
  bad: ColumnName,
): Shape<PreferenceExample> {
  return {
    name: [name, ...(extra ? [`[${extra}]`] : []), good, bad].join('/'),
    needs: [name, good, bad],
    uses: [...(extra ? [extra] : []), ...(asks === 'instruction' ? (['history'] as const) : []), 'system', 'tools'],
    read(columns) {
      const answers = { chosen: readAnswer(columns, good), rejected: readAnswer(columns, bad) };
      const asked = columns.get(name);
      // OpenAI: {"input": {"messages": […], "tools": […]}}.
      const inside = isRecord(asked) && Array.isArray(asked.messages) ? asked : undefined;
      const tools = Array.isArray(inside?.tools) ? { tools: inside.tools as unknown[] } : toolsOf(columns);
      const list = asks === 'messages' ? requiredList(columns, name) : (inside?.messages ?? asked);
      const prompt = messagesIn(list, name);
      if (prompt) return pairAfterMessages(withSystem(prompt, optionalText(columns, 'system')), answers, tools);
      const question = readQuestion(columns, name, extra);
      // As TRL: a prompt is text to go on with. A question is asked by the template.
      return asks === 'text' ? pairAfterText(question, answers, tools) : pairAfterQuestion(question, answers, tools);
    },
  };
}

function wholeConversations(good: ColumnName, bad: ColumnName): Shape<PreferenceExample> {
  return {
    name: `${good}/${bad}`,
    needs: [good, bad],
    uses: ['system', 'tools'],
    read(columns, templated) {
      const answers = { chosen: readAnswer(columns, good), rejected: readAnswer(columns, bad) };
      return pairWithin(answers, optionalText(columns, 'system'), toolsOf(columns), templated);
    },
  };
}

function readTokens(columns: Columns): PreferenceExample {
  const ids = (name: ColumnName): number[] => {
    const list = optionalIntegers(columns, name);
    if (!list) throw new RowProblem(`the row has no "${name}"`);
    return list;
  };
  return {
    kind: 'pair-tokens',
    promptIds: ids('prompt_ids'),
    chosenIds: ids('chosen_ids'),
    rejectedIds: ids('rejected_ids'),
  };
}
