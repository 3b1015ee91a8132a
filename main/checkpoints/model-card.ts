// The README.md of an adapter or a merged model: front matter that the Hub, PEFT and transformers understand, how to use
// it, what it was trained on and how that went.
import { basename } from 'node:path';
import { lossPicture, type LossHistory } from './card/loss-picture.ts';
import { fenced, numberText, row, rowsTable, wholeText } from './card/markdown.ts';
import type { DataSummary } from './data-summary.ts';
import { looksLikeHubId } from './hub-cache.ts';
import type { ConvertedFrom } from './gguf/converted-from.ts';
import type { MergedFrom } from './merged-from.ts';

export type { LossHistory } from './card/loss-picture.ts';

/** What the card tells of a dataset; data's report has it. */
export type CardData = Omit<DataSummary, 'files'> & { files: readonly string[] };

export type CardContent = {
  /** A whole model with the adapter folded in; else the adapter alone. */
  isMerged?: boolean;
  /** Heading; the name of the output folder, as a rule. */
  name: string;
  /** "ada/otter" where it goes to the Hub. */
  hubId?: string | undefined;
  /** What the base model's card says of its licence: license, license_name, license_link. */
  licence?: Readonly<Record<string, string>> | undefined;
  /** base_model_name_or_path of the adapter. */
  baseModel: string;
  /** Where the base model is itself the result of a run: readMergedFrom tells. */
  baseRun?: MergedFrom | undefined;
  /** Where its weights were read from a GGUF file: readConvertedFrom tells. */
  convertedFrom?: ConvertedFrom | undefined;
  /** "Supervised fine-tuning (SFT)" */
  method: string;
  /** For the front matter: "dpo", "sigmoid". */
  tags?: readonly string[];
  /** Shown as a table, in this order; undefined ones are left out. */
  settings: Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;
  /** Numbers at the end, by TRL's names. */
  results: Readonly<Record<string, number>>;
  data?: CardData | undefined;
  /** YAML without private paths. */
  recipe?: string | undefined;
  /** Up to the step of the card. */
  history?: LossHistory | undefined;
};

const pictureFile = 'loss.png';

/** All files of a card: README.md, and loss.png where there is a history to draw. */
export function cardFiles(content: CardContent): Map<string, string | Uint8Array> {
  const picture = content.history && lossPicture(content.history);
  const text = cardText(content, picture === undefined ? undefined : pictureFile);
  return new Map<string, string | Uint8Array>([
    ['README.md', text],
    ...(picture === undefined ? [] : [[pictureFile, picture] as const]),
  ]);
}

/** README.md alone. A base model that is no Hub id appears by its folder's name only: paths are private. */
export function modelCard(content: CardContent): string {
  return cardText(content, undefined);
}

function cardText(content: CardContent, picture: string | undefined): string {
  const { name, data, results, recipe, history } = content;
  const shownSettings = Object.entries(content.settings).filter(([, value]) => value !== undefined);
  const evaluations = history?.evaluations ?? [];
  const sections = [
    frontMatter(content),
    `# ${row(name)}`,
    origin(content),
    '## Use',
    usage(content),
    ...(data ? ['## Data', dataTable(data)] : []),
    '## Settings',
    rowsTable(
      ['key', 'value'],
      shownSettings.map(([key, value]) => [`\`${key}\``, settingText(value)]),
    ),
    ...(recipe === undefined ? [] : [details('The whole recipe', fenced('yaml', recipe))]),
    ...(Object.keys(results).length + evaluations.length > 0 || picture !== undefined ? ['## Results'] : []),
    ...(picture === undefined ? [] : [`![Loss by step](${picture})`]),
    ...(Object.keys(results).length > 0 ? [resultTable(results)] : []),
    ...(evaluations.length > 0 ? ['### Evaluations', evaluationTable(evaluations)] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** The model on the Hub that all of it began with, if it is known. */
function hubBase({ baseModel, baseRun }: CardContent): string | undefined {
  return [baseRun?.baseModel, baseModel].find((name) => name !== undefined && looksLikeHubId(name));
}

function frontMatter(content: CardContent): string {
  const { isMerged = false, baseRun, tags = [], licence = {} } = content;
  const base = hubBase(content);
  // An adapter on a merged model does not fit the model on the Hub that was merged: it must not be listed as its own.
  const named = isMerged || baseRun === undefined ? base : undefined;
  const ownTags = isMerged ? ['transformers'] : ['lora', 'transformers'];
  return [
    '---',
    ...(named === undefined ? [] : [`base_model: ${named}`]),
    ...(named !== undefined && isMerged ? ['base_model_relation: finetune'] : []),
    `library_name: ${isMerged ? 'transformers' : 'peft'}`,
    ...Object.entries(licence).map(
      ([key, value]) => `${key}: ${/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)}`,
    ),
    'pipeline_tag: text-generation',
    'tags:',
    ...(named !== undefined && !isMerged ? [`- base_model:adapter:${named}`] : []),
    ...[...new Set([...ownTags, ...tags])].map((tag) => `- ${tag}`),
    '---',
  ].join('\n');
}

function origin(content: CardContent): string {
  const { isMerged = false, baseModel, baseRun, convertedFrom, method } = content;
  const shown = modelText(baseRun?.baseModel ?? baseModel);
  const before =
    baseRun === undefined
      ? ''
      : isMerged
        ? ` The run \`${baseRun.run}\` (step ${wholeText(baseRun.step)}) had been merged into it before.`
        : ` The adapter of the run \`${baseRun.run}\` (step ${wholeText(baseRun.step)}) is merged into that model first: this adapter fits the merged model only.`;
  const what = isMerged
    ? `${shown}, fine-tuned with LoRA; the adapter is merged into the weights.`
    : `A LoRA adapter for ${shown}, made with Lorelei.`;
  const read = convertedFrom === undefined ? '' : ggufText(convertedFrom, isMerged);
  return isMerged
    ? `${what}${before}${read} Made with Lorelei. Method: ${method}.`
    : `${what}${before}${read} Method: ${method}.`;
}

/** What was trained on is not quite the model that the file was quantised from, as with QLoRA. */
function ggufText({ path, type }: ConvertedFrom, isMerged: boolean): string {
  const file = `\`${basename(path)}\``;
  return isMerged
    ? ` The base model’s weights were read from ${file} (${type}).`
    : ` It was trained on the weights of ${file} (${type}); on the model that the file was quantised from it works as well as the quantisation is close.`;
}

function modelText(name: string): string {
  return looksLikeHubId(name) ? `[${name}](https://huggingface.co/${name})` : `\`${basename(name)}\``;
}

function usage(content: CardContent): string {
  const { isMerged = false, baseModel, baseRun, convertedFrom, hubId: place = 'path/to/this/folder' } = content;
  if (isMerged)
    return fenced(
      'python',
      [
        'from transformers import AutoModelForCausalLM, AutoTokenizer',
        '',
        `model = AutoModelForCausalLM.from_pretrained("${place}", dtype="auto")`,
        `tokenizer = AutoTokenizer.from_pretrained("${place}")`,
      ].join('\n'),
    );
  const base =
    baseRun !== undefined ? 'path/to/merged-model' : looksLikeHubId(baseModel) ? baseModel : 'path/to/base-model';
  return fenced(
    'python',
    [
      'from peft import PeftModel',
      'from transformers import AutoModelForCausalLM, AutoTokenizer',
      '',
      convertedFrom !== undefined && baseRun === undefined && !looksLikeHubId(baseModel)
        ? `model = AutoModelForCausalLM.from_pretrained("path/to/folder", gguf_file=${JSON.stringify(basename(convertedFrom.path))})`
        : `model = AutoModelForCausalLM.from_pretrained("${base}")`,
      `model = PeftModel.from_pretrained(model, "${place}")`,
      `tokenizer = AutoTokenizer.from_pretrained("${place}")`,
    ].join('\n'),
  );
}

function dataTable(data: CardData): string {
  const share = data.tokens > 0 ? ` (${((100 * data.trainedTokens) / data.tokens).toFixed(1)} %)` : '';
  const lengths = Object.entries(data.lengthPercentiles).map(([key, tokens]) => `${key} ${wholeText(tokens)}`);
  return rowsTable(
    ['', ''],
    [
      ['files', data.files.map((file) => basename(file)).join(', ')],
      [
        'rows',
        `${wholeText(data.rows)}, ${wholeText(data.usable)} used, ${wholeText(data.truncated)} of them truncated`,
      ],
      ['row shape', data.shape],
      ['template', data.template],
      ['tokens', `${wholeText(data.tokens)}, ${wholeText(data.trainedTokens)}${share} with loss`],
      ['tokens a row', lengths.join(', ')],
    ],
  );
}

function resultTable(results: CardContent['results']): string {
  return rowsTable(
    ['metric', 'value'],
    Object.entries(results).map(([key, value]) => [`\`${key}\``, numberText(value)]),
  );
}

/** Said of the machine, not of the model. */
const machineMetrics = /_(runtime|per_second)$/;
const mostColumns = 6;
const mostRows = 20;

function evaluationTable(evaluations: LossHistory['evaluations']): string {
  const names = [...new Set(evaluations.flatMap(({ metrics }) => Object.keys(metrics)))]
    .filter((name) => name !== 'epoch' && !machineMetrics.test(name))
    .slice(0, mostColumns);
  // The last always; before it, evenly spread.
  const every = Math.ceil(evaluations.length / mostRows);
  const shown = evaluations.filter((_, i) => (evaluations.length - 1 - i) % every === 0);
  return rowsTable(
    ['step', ...names.map((name) => `\`${name}\``)],
    shown.map(({ step, metrics }) => [
      wholeText(step),
      ...names.map((name) => (metrics[name] === undefined ? '' : numberText(metrics[name]))),
    ]),
  );
}

function settingText(value: CardContent['settings'][string]): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function details(summary: string, content: string): string {
  return `<details>\n<summary>${summary}</summary>\n\n${content}\n\n</details>`;
}
