// The table of row shapes: which columns make which kind of example. The first row that fits wins, in TRL's order
// where TRL knows the shape. Adding a shape means adding an entry here.
import { UserError } from '../errors.ts';
import {
  RowProblem,
  optionalIntegers,
  optionalList,
  optionalText,
  requiredText,
  type ColumnMap,
  type ColumnName,
  type Columns,
} from './columns.ts';
import { toHistory, toMessages, withSystem } from './conversation.ts';
import type { Example, Message } from './types.ts';

export type Shape = {
  /** As the report names it. */
  name: string;
  /** Columns that make the shape, all of them. */
  needs: ColumnName[];
  /** Columns that it uses when they are there. */
  uses?: ColumnName[];
  /** Rows are text as it is; templates have no say. */
  isText?: boolean;
  /** Throws RowProblem. */
  read: (columns: Columns) => Example;
};

export const SHAPES: Shape[] = [
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

/** Pairs of a good and a bad answer: for preference training, not for SFT. */
const PREFERENCE_COLUMNS: [good: string, bad: string][] = [
  ['chosen', 'rejected'],
  ['chosen_response', 'rejected_response'],
  ['preferred_output', 'non_preferred_output'],
  ['response_j', 'response_k'],
  ['chosen_ids', 'rejected_ids'],
];

/**
 * The first shape whose columns are all there; mapped columns alone are tried first. `templated`: a template was asked
 * for by name, so shapes that a template can write go before a ready-made text column.
 */
export function detectShape(
  columns: { mapped: ColumnMap; all: ColumnMap },
  label: string,
  available: string[],
  templated = false,
): Shape {
  const order = templated ? [...SHAPES].sort((a, b) => Number(a.isText ?? false) - Number(b.isText ?? false)) : SHAPES;
  const fits = (map: ColumnMap) => order.find((shape) => shape.needs.every((name) => map.has(name)));
  if (columns.mapped.size > 0) {
    const shape = fits(columns.mapped) ?? fits(columns.all);
    if (shape) return shape;
  }
  const lower = available.map((name) => name.toLowerCase());
  const pair = PREFERENCE_COLUMNS.find(([good, bad]) => lower.includes(good) && lower.includes(bad));
  if (pair && columns.mapped.size === 0) throw preferenceData(label, available, pair);
  const shape = fits(columns.all);
  if (shape) return shape;
  throw new UserError({
    code: 'dataset-no-usable-column',
    message: `${label} has no columns that make a training example. It has ${available.map((name) => `"${name}"`).join(', ')}.`,
    fix:
      `Say what they are with a column mapping, for example columns: {prompt: ${available[0] ?? '…'}, completion: ` +
      `${available[1] ?? '…'}} or columns: {text: ${available[0] ?? '…'}}. Shapes that are known by themselves: ` +
      `${SHAPES.map((known) => known.name).join('; ')}.`,
  });
}

function preferenceData(label: string, available: string[], [good, bad]: [string, string]): UserError {
  const question = ['prompt', 'question', 'instruction', 'query'].find((name) => available.includes(name));
  return new UserError({
    code: 'dataset-is-preference-data',
    message: `${label} holds preference pairs (columns ${good} and ${bad}), which supervised fine-tuning cannot use.`,
    fix:
      `To train on the good answers only, map them: columns: ` +
      (question ? `{prompt: ${question}, completion: ${good}}` : `{messages: ${good}}`) +
      ', or use a dataset of single answers.',
  });
}

function conversation(column: 'messages' | 'conversations' | 'conversation'): Shape {
  return {
    name: column,
    needs: [column],
    uses: ['system', 'tools'],
    read(columns) {
      const list = optionalList(columns, column);
      if (!list) throw new RowProblem(`the row has no "${column}"`);
      const messages = withSystem(toMessages(list, column), optionalText(columns, 'system'));
      return { kind: 'messages', messages, ...toolsOf(columns) };
    },
  };
}

function instruction(question: ColumnName, answer: ColumnName, extra?: ColumnName): Shape {
  return {
    name: [question, ...(extra ? [`[${extra}]`] : []), answer].join('/'),
    needs: [question, answer],
    uses: [...(extra ? [extra] : []), 'system', 'history'],
    read(columns) {
      const system = optionalText(columns, 'system')?.trim() ? optionalText(columns, 'system') : undefined;
      const input = extra && optionalText(columns, extra)?.trim() ? optionalText(columns, extra) : undefined;
      return {
        kind: 'instruction',
        history: toHistory(optionalList(columns, 'history') ?? []),
        instruction: requiredText(columns, question),
        output: requiredText(columns, answer),
        ...(system === undefined ? {} : { system }),
        ...(input === undefined ? {} : { input }),
      };
    },
  };
}

function readPromptCompletion(columns: Columns): Example {
  const side = (name: 'prompt' | 'completion'): string | Message[] => {
    const value = columns.get(name);
    return Array.isArray(value) ? toMessages(value, name) : requiredText(columns, name);
  };
  const prompt = side('prompt');
  const completion = side('completion');
  if (typeof prompt !== typeof completion) {
    throw new RowProblem('prompt and completion must both be text or both be lists of messages');
  }
  return { kind: 'prompt-completion', prompt, completion, ...toolsOf(columns) };
}

function toolsOf(columns: Columns): { tools?: unknown[] } {
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
