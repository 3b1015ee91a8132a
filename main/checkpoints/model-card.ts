// The README.md of an adapter: front matter that the Hub and PEFT understand, how to use it, what it was trained on.
import { basename } from 'node:path';
import { looksLikeHubId } from './hub-cache.ts';

/** What the card tells of a dataset; data's report has it. */
export type CardData = {
  files: readonly string[];
  /** Detected shape of the rows: "prompt-completion". */
  shape: string;
  template: string;
  rows: number;
  /** Rows that were trained on. */
  usable: number;
  truncated: number;
  tokens: number;
  trainedTokens: number;
  lengthPercentiles: Readonly<Record<string, number>>;
};

export type CardContent = {
  /** Heading; the name of the output folder, as a rule. */
  name: string;
  /** base_model_name_or_path of the adapter. */
  baseModel: string;
  /** "Supervised fine-tuning (SFT)" */
  method: string;
  /** Shown as a table, in this order; undefined ones are left out. */
  settings: Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;
  /** Numbers at the end, by TRL's names. */
  results: Readonly<Record<string, number>>;
  data?: CardData;
};

/** Markdown text. A base model that is no Hub id appears by its folder's name only: paths are private. */
export function modelCard({ name, baseModel, method, settings, results, data }: CardContent): string {
  const isOnHub = looksLikeHubId(baseModel);
  const shownBase = isOnHub ? `[${baseModel}](https://huggingface.co/${baseModel})` : `\`${basename(baseModel)}\``;
  const frontMatter = [
    '---',
    ...(isOnHub ? [`base_model: ${baseModel}`] : []),
    'library_name: peft',
    'pipeline_tag: text-generation',
    'tags:',
    ...(isOnHub ? [`- base_model:adapter:${baseModel}`] : []),
    '- lora',
    '- transformers',
    '---',
  ];
  const shownSettings = Object.entries(settings).filter(([, value]) => value !== undefined);
  const sections = [
    frontMatter.join('\n'),
    `# ${oneLine(name)}`,
    `A LoRA adapter for ${shownBase}, made with Lorelei. Method: ${method}.`,
    '## Use',
    usage(isOnHub ? baseModel : 'path/to/base-model'),
    ...(data ? ['## Data', dataTable(data)] : []),
    '## Settings',
    table(
      ['key', 'value'],
      shownSettings.map(([key, value]) => [`\`${key}\``, settingText(value)]),
    ),
    ...(Object.keys(results).length > 0 ? ['## Results', resultTable(results)] : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

function resultTable(results: CardContent['results']): string {
  return table(
    ['metric', 'value'],
    Object.entries(results).map(([key, value]) => [`\`${key}\``, shortNumber(value)]),
  );
}

function usage(baseModel: string): string {
  return [
    '```python',
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `model = AutoModelForCausalLM.from_pretrained("${baseModel}")`,
    'model = PeftModel.from_pretrained(model, "path/to/this/folder")',
    'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")',
    '```',
  ].join('\n');
}

function dataTable(data: CardData): string {
  const share = data.tokens > 0 ? ` (${((100 * data.trainedTokens) / data.tokens).toFixed(1)} %)` : '';
  const lengths = Object.entries(data.lengthPercentiles).map(([key, tokens]) => `${key} ${count(tokens)}`);
  return table(
    ['', ''],
    [
      ['files', data.files.map((file) => basename(file)).join(', ')],
      ['rows', `${count(data.rows)}, ${count(data.usable)} used, ${count(data.truncated)} of them truncated`],
      ['row shape', data.shape],
      ['template', data.template],
      ['tokens', `${count(data.tokens)}, ${count(data.trainedTokens)}${share} with loss`],
      ['tokens a row', lengths.join(', ')],
    ],
  );
}

function table(head: readonly [string, string], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), '| --- | --- |', ...rows.map(line)].join('\n');
}

function settingText(value: CardContent['settings'][string]): string {
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(5)));
}
