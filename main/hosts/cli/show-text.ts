// Runs as a person reads them on a terminal: a table of all, a page about one.
import type { RunDetail, RunSummary } from '../../../preload/contract.ts';
import { lineChart } from './chart.ts';
import { tryIt } from './command-lines.ts';
import { metricWords } from './metric-words.ts';
import { momentText, numberText, byteText, wholeText } from './numbers.ts';
import { errorText } from './terminal.ts';

const stepsText = ({ step, totalSteps }: RunSummary): string =>
  totalSteps === null ? '' : `${wholeText(step)}/${wholeText(totalSteps)}`;

const lossText = ({ loss }: RunSummary): string => (loss === null ? '' : numberText(loss));

/** Columns as wide as their widest cell, two spaces apart. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** One line per run. */
export function runsText(runs: readonly RunSummary[]): string[] {
  if (runs.length === 0) return ['No runs yet. Start one with: lorelei sft --config run.yaml'];
  const rows = runs.map((run) => [
    run.id,
    run.method,
    run.status,
    stepsText(run),
    lossText(run),
    run.name ?? run.modelName,
    momentText(run.createdAt),
  ]);
  return table([['RUN', 'METHOD', 'STATUS', 'STEP', 'LOSS', 'NAME', 'STARTED'], ...rows]);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

/** The first and the newest answer to each prompt. */
function sampleLines({ samples }: RunDetail): string[] {
  const byPrompt = Map.groupBy(samples, ({ index }) => index);
  return [...byPrompt.values()].flatMap((answers) => {
    const [first, last] = [answers[0], answers.at(-1)];
    if (!first || !last) return [];
    const prompt = typeof first.prompt === 'string' ? first.prompt : (first.prompt.at(-1)?.content ?? '');
    const shown = first === last ? [first] : [first, last];
    return [
      prompt,
      ...shown.map(({ step, text }) => `  step ${wholeText(step)}  ${text.trim().replaceAll(/\s+/g, ' ')}`),
    ];
  });
}

function nextStep({ status, id, recipe, checkpoints }: RunDetail): string {
  const resume = checkpoints.length === 0 ? 'starts it again' : `continues from step ${checkpoints.at(-1)?.step ?? 0}`;
  switch (status) {
    case 'completed':
      return tryIt(id, String(recipe.template));
    case 'stopped':
    case 'failed':
    case 'interrupted':
      return `lorelei resume ${id} ${resume}.`;
    case 'queued':
    case 'preparing':
    case 'training':
      return `lorelei stop ${id} stops it after the current step and saves.`;
  }
}

function most(run: RunDetail, name: string): number | undefined {
  const known = [...run.metrics.map(({ values }) => values), run.endMetrics].flatMap((values) => values[name] ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}

function memoryText(run: RunDetail): string {
  const peak = most(run, 'process_memory_peak_megabytes');
  return peak === undefined ? '' : `at most ${byteText(1e6 * peak)} in the training process`;
}

function gpuText(run: RunDetail): string {
  const peak = most(run, 'gpu_memory_peak_megabytes');
  if (peak === undefined) return '';
  const busy = run.metrics.flatMap(({ values }) => values.gpu_utilization_percentage ?? []);
  const mean = busy.reduce((sum, one) => sum + one, 0) / busy.length;
  return `at most ${byteText(1e6 * peak)} in use${busy.length === 0 ? '' : `, busy ${mean.toFixed(0)} % of the time`}`;
}

/** A page about one run; `width` is that of the terminal, undefined where there is none (then without a chart). */
export function runText(run: RunDetail, width: number | undefined): string[] {
  const losses = run.metrics.flatMap(({ step, values }) =>
    values.loss === undefined ? [] : [{ x: step, y: values.loss }],
  );
  const evaluations = run.metrics.flatMap(({ step, values }) =>
    values.eval_loss === undefined ? [] : [`step ${wholeText(step)}  ${metricWords(values)}`],
  );
  const facts: [string, string][] = [
    ['Status', run.status],
    ['Method', run.method],
    ['Name', run.name ?? ''],
    ['Model', String(run.recipe.model_name_or_path)],
    ['Data', [run.recipe.dataset_name].flat().map(String).join(', ')],
    ['Step', stepsText(run)],
    ['Loss', lossText(run)],
    ['Started', momentText(run.createdAt)],
    ['Last sign', momentText(run.updatedAt)],
    ['Device', run.device ?? ''],
    ['Memory', memoryText(run)],
    ['GPU', gpuText(run)],
    ['Adapter', run.outputDir],
  ];
  return [
    run.id,
    ...facts.filter(([, value]) => value !== '').map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    ...(run.error === null ? [] : ['', errorText(run.error)]),
    ...(width === undefined ? [] : section('Loss', lineChart(losses, Math.min(width, 90) - 2, 10))),
    ...section('Evaluations', evaluations.slice(-10)),
    ...section(
      'Checkpoints',
      run.checkpoints.map(({ step, path }) => `step ${wholeText(step)}  ${path}`),
    ),
    ...section('Samples', sampleLines(run)),
    ...section(
      'Exports',
      run.exports.map(({ target, step, path }) => `${target}${step === null ? '' : ` of step ${step}`}  ${path}`),
    ),
    ...section(
      'Events',
      run.events.map(
        ({ at, step, level, message }) =>
          `${momentText(at)}  ${step === null ? '' : `step ${step}  `}${level === 'info' ? '' : `${level}: `}${message}`,
      ),
    ),
    '',
    nextStep(run),
  ];
}
