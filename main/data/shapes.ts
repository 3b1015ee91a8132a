// The table of row shapes for fine-tuning: which columns make which kind of example. The first row that fits wins, in
// TRL's order where TRL knows the shape. Adding a shape means adding an entry here. Which one a file has is found by
// detect-shape.ts; pairs of answers are in preference-shapes.ts.
import {
  RowProblem,
  optionalIntegers,
  optionalList,
  optionalText,
  requiredList,
  requiredText,
  type ColumnName,
  type Columns,
} from './columns.ts';
import { messagesIn, toHistory, toMessages, withSystem } from './conversation.ts';
import type { AnsweredExample, Example, Message } from './types.ts';

export type Shape<E> = {
  /** As the report names it. */
  name: string;
  /** Columns that make the shape, all of them. */
  needs: ColumnName[];
  /** Columns that it uses when they are there. */
  uses?: ColumnName[];
  /** Rows are text as it is; templates have no say. */
  isText?: boolean;
  /** `templated`: a template was asked for by name. Throws RowProblem. */
  read: (columns: Columns, templated: boolean) => E;
};

export const SHAPES: Shape<Example>[] = [
  {
    name: 'input_ids',
    needs: ['input_ids'],
    uses: ['labels', 'completion_mask', 'assistant_masks'],
    read: readTokens,
  },
  { name: 'prompt/completion', needs: ['prompt', 'completion'], uses: ['tools'], read: readPromptCompletion },
  conversation('messages'),
  conversation('conversations'),
  conversation('conversation'),
  {
    name: 'text',
    needs: ['text'],
    isText: true,
    read: (columns) => ({ kind: 'text', text: requiredText(columns, 'text') }),
  },
  instruction('instruction', 'output', 'input'),
  instruction('instruction', 'response', 'context'),
  instruction('instruction', 'answer', 'input'),
  instruction('instruction', 'completion', 'input'),
  instruction('question', 'answer', 'context'),
  instruction('question', 'response', 'context'),
  instruction('query', 'response', 'context'),
  instruction('query', 'answer', 'context'),
  instruction('prompt', 'response', 'input'),
  instruction('prompt', 'answer', 'input'),
  instruction('prompt', 'output', 'input'),
  instruction('input', 'output'),
  instruction('user', 'assistant'),
  {
    // ms-swift writes text to continue, without any question, into this column.
    name: 'response only',
    needs: ['response'],
    isText: true,
    read: (columns) => ({ kind: 'text', text: requiredText(columns, 'response') }),
  },
];

function conversation(column: 'messages' | 'conversations' | 'conversation'): Shape<Example> {
  return {
    name: column,
    needs: [column],
    uses: ['system', 'tools'],
    read(columns) {
      const messages = withSystem(toMessages(requiredList(columns, column), column), optionalText(columns, 'system'));
      return { kind: 'messages', messages, ...toolsOf(columns) };
    },
  };
}

function instruction(question: ColumnName, answer: ColumnName, extra?: ColumnName): Shape<Example> {
  return {
    name: [question, ...(extra ? [`[${extra}]`] : []), answer].join('/'),
    needs: [question, answer],
    uses: [...(extra ? [extra] : []), 'system', 'history'],
    read: (columns) => ({ ...readQuestion(columns, question, extra), output: requiredText(columns, answer) }),
  };
}

/** A task as text, with what belongs to it; its answer is still to come. */
export function readQuestion(
  columns: Columns,
  question: ColumnName,
  extra?: ColumnName,
): Omit<Extract<AnsweredExample, { kind: 'instruction' }>, 'output'> {
  const system = optionalText(columns, 'system')?.trim() ? optionalText(columns, 'system') : undefined;
  const input = extra && optionalText(columns, extra)?.trim() ? optionalText(columns, extra) : undefined;
  return {
    kind: 'instruction',
    history: toHistory(optionalList(columns, 'history') ?? []),
    instruction: requiredText(columns, question),
    ...(system === undefined ? {} : { system }),
    ...(input === undefined ? {} : { input }),
  };
}

function readPromptCompletion(columns: Columns): Example {
  const side = (name: 'prompt' | 'completion'): string | Message[] =>
    messagesIn(columns.get(name), name) ?? requiredText(columns, name);
  const prompt = side('prompt');
  const completion = side('completion');
  if (typeof prompt !== typeof completion) {
    throw new RowProblem('prompt and completion must both be text or both be lists of messages');
  }
  return { kind: 'prompt-completion', prompt, completion, ...toolsOf(columns) };
}

export function toolsOf(columns: Columns): { tools?: unknown[] } {
  const tools = optionalList(columns, 'tools');
  return tools && tools.length > 0 ? { tools } : {};
}

function readTokens(columns: Columns): Example {
  const inputIds = optionalIntegers(columns, 'input_ids');
  if (!inputIds) throw new RowProblem('the row has no "input_ids"');
  const completionMask = optionalIntegers(columns, 'completion_mask');
  const assistantMasks = optionalIntegers(columns, 'assistant_masks');
  const labels = optionalIntegers(columns, 'labels');
  for (const [name, list] of Object.entries({
    completion_mask: completionMask,
    assistant_masks: assistantMasks,
    labels,
  })) {
    if (list && list.length !== inputIds.length) {
      throw new RowProblem(`"${name}" has ${String(list.length)} values for ${String(inputIds.length)} input_ids`);
    }
  }
  const trained = labels?.map((label, i) => {
    if (label === -100) return 0;
    if (label === inputIds[i]) return 1;
    throw new RowProblem(
      `labels[${String(i)}] is ${String(label)}, neither -100 nor the input id ${String(inputIds[i])}`,
    );
  });
  return {
    kind: 'tokens',
    inputIds,
    ...(trained ? { trained } : {}),
    ...(completionMask ? { completionMask } : {}),
    ...(assistantMasks ? { assistantMasks } : {}),
  };
}
