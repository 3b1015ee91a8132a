// Finds which row shape a file has from its columns, and says what to do where it has none, or one for the other kind
// of training.
import { UserError } from '../errors.ts';
import type { ColumnMap } from './columns.ts';
import { PREFERENCE_PAIRS, PREFERENCE_SHAPES } from './preference-shapes.ts';
import { SHAPES, type Shape } from './shapes.ts';
import type { Example, PreferenceExample } from './types.ts';

export type FileColumns = {
  /** Those of an explicit mapping, and all that are known. */
  mapped: ColumnMap;
  all: ColumnMap;
  /** As the file names them. */
  available: string[];
  /** The file, for messages. */
  label: string;
};

/** `templated`: a template was asked for by name. Throws UserError. */
export type ShapeFinder<E> = (columns: FileColumns, templated: boolean) => Shape<E>;

/**
 * The first shape whose columns are all there; mapped columns alone are tried first. Where a template was asked for,
 * shapes that it can write go before a ready-made text column. Throws UserError dataset-no-usable-column,
 * dataset-is-preference-data.
 */
export const detectShape: ShapeFinder<Example> = (columns, templated) => {
  const { mapped, all, label, available } = columns;
  const order = shapesFor(templated);
  const shape = firstFit(order, mapped);
  if (shape) return shape;
  const pair = PREFERENCE_PAIRS.find((names) => names.every((name) => all.has(name)));
  // A mapping that makes no shape by itself still says that the rest of the row is meant.
  if (pair && (mapped.size === 0 || pair.some((name) => mapped.has(name)))) throw preferenceData(columns, pair);
  const found = firstFit(order, all);
  if (found) return found;
  throw new UserError({
    code: 'dataset-no-usable-column',
    message: `${label} has no columns that make a training example. It has ${quoted(available)}.`,
    fix:
      `Say what they are with a column mapping, for example columns: {prompt: ${available[0] ?? '…'}, completion: ` +
      `${available[1] ?? '…'}} or columns: {text: ${available[0] ?? '…'}}. Shapes that are known by themselves: ` +
      `${SHAPES.map((known) => known.name).join('; ')}.`,
  });
};

/**
 * The first shape whose columns are all there and that has a use for every mapped one. Throws UserError
 * dataset-no-usable-column, dataset-is-not-preference-data.
 */
export const detectPreferenceShape: ShapeFinder<PreferenceExample> = (columns, templated) => {
  const { mapped, all, label, available } = columns;
  const using = (shape: Shape<PreferenceExample>) => [...shape.needs, ...(shape.uses ?? [])];
  const meant = PREFERENCE_SHAPES.filter((shape) => mapped.keys().every((name) => using(shape).includes(name)));
  const shape = firstFit(meant, all) ?? firstFit(PREFERENCE_SHAPES, all);
  if (shape) return shape;
  const known = `Pairs that are known by themselves: ${PREFERENCE_PAIRS.map((pair) => pair.join('/')).join('; ')}.`;
  // Columns that also mean something alone say nothing about pairs.
  const half = PREFERENCE_PAIRS.flat().find((name) => name !== 'messages' && name !== 'response' && all.has(name));
  const mapping = (chosen: string, rejected: string) =>
    `columns: {prompt: ${questionIn(all, []) ?? available[0] ?? '…'}, chosen: ${chosen}, rejected: ${rejected}}`;
  const single = firstFit(shapesFor(templated), all);
  if (half === undefined && single) {
    const others =
      ', or a dataset of pairs. ' +
      (available.length < 2
        ? ''
        : 'If the two answers are in columns of other names, map them: ' +
          `${mapping('<column of the better answer>', '<column of the worse answer>')}. `) +
      known;
    throw new UserError({
      code: 'dataset-is-not-preference-data',
      message:
        `${label} holds single answers (read as ${single.name}; columns ${quoted(available)}), ` +
        'but preference training needs a better and a worse answer in each row.',
      fix: `Use SFT for this file${others}`,
      commandLine: `Use lorelei sft for this file${others}`,
    });
  }
  throw new UserError({
    code: 'dataset-no-usable-column',
    message:
      half === undefined
        ? `${label} has no columns that make a preference pair. It has ${quoted(available)}.`
        : `${label} has only one side of a preference pair, "${half}". It has ${quoted(available)}.`,
    fix: `Say which columns hold the answers with a mapping, for example ${mapping(available[1] ?? '…', available[2] ?? '…')}. ${known}`,
  });
};

function shapesFor(templated: boolean): Shape<Example>[] {
  return templated ? [...SHAPES].sort((a, b) => Number(a.isText ?? false) - Number(b.isText ?? false)) : SHAPES;
}

function firstFit<E>(shapes: Shape<E>[], map: ColumnMap): Shape<E> | undefined {
  return shapes.find((shape) => shape.needs.every((name) => map.has(name)));
}

/** The file's column that holds the question, unless it is one of the answers. */
function questionIn(all: ColumnMap, answers: readonly string[]): string | undefined {
  const names = ['prompt', 'messages', 'conversations', 'conversation', 'instruction', 'question', 'query'] as const;
  const name = names.find((known) => all.has(known) && !answers.includes(known));
  return name && all.get(name);
}

function preferenceData({ all, label }: FileColumns, pair: (typeof PREFERENCE_PAIRS)[number]): UserError {
  const [good, bad] = pair.map((name) => all.get(name) ?? name);
  const question = all.has('input') && pair[0] === 'preferred_output' ? 'input.messages' : questionIn(all, pair);
  const singles =
    pair[0] === 'chosen_ids'
      ? 'Their tokens are made already, so they cannot be used for fine-tuning.'
      : `To train on the better answers only, map them: columns: ` +
        (question ? `{prompt: ${question}, completion: ${good ?? ''}}` : `{messages: ${good ?? ''}}`) +
        ', or use a dataset of single answers.';
  return new UserError({
    code: 'dataset-is-preference-data',
    message: `${label} holds preference pairs (columns ${good ?? ''} and ${bad ?? ''}), which supervised fine-tuning cannot use.`,
    fix: `To train on the pairs, choose DPO. ${singles}`,
    commandLine: `To train on the pairs, use lorelei dpo (lorelei preview --method dpo shows them). ${singles}`,
  });
}

function quoted(names: string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}
