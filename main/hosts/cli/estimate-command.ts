// lorelei estimate: what a run would take of memory, time and disk, and what would make it fit, before it is started.
import type { Command } from 'commander';
import type { Estimate } from '../../../preload/contract.ts';
import { likelyMethod } from '../../recipe/parse.ts';
import type { Method } from '../../recipe/recipe.ts';
import {
  configOption,
  jsonOption,
  methodOption,
  overPreset,
  presetOption,
  print,
  recipeArgument,
  recipeValues,
  type Json,
  type WithApp,
} from './command-parts.ts';
import { fetchingOnTerminal } from './fetch-on-terminal.ts';
import { byteText, durationText, wholeText } from './numbers.ts';
import { terminalOn } from './terminal.ts';

type EstimateOptions = { config?: string; preset?: string; method?: Method } & Json;

export function addEstimateCommand(lorelei: Command, withApp: WithApp): void {
  lorelei
    .command('estimate')
    .description('say what a run would take of memory, time and disk, and what would make it fit')
    .addOption(configOption())
    .addOption(presetOption())
    .addOption(methodOption())
    .addOption(jsonOption('everything as one JSON object'))
    .addArgument(recipeArgument())
    .allowUnknownOption()
    .action(async (words: string[], { config, preset, json, ...options }: EstimateOptions) => {
      const { estimateRun } = await import('../../app/estimate.ts');
      const { previewRun } = await import('../../app/preview.ts');
      const given = recipeValues(config, words);
      const method = options.method ?? likelyMethod(given);
      const values = overPreset(given, { method, ...(preset !== undefined && { preset }) });
      const terminal = terminalOn(process.stderr);
      const estimate = await withApp(async (app) => {
        const { report, sizes } = await previewRun(app, {
          method,
          values,
          workingDirectory: process.cwd(),
          rows: 0,
          fetchFromHub: fetchingOnTerminal(app),
          onProgress: ({ done, total }) =>
            terminal.live(`Reading the rows … ${Math.floor((100 * done) / Math.max(1, total))} %`),
        });
        terminal.live('Building the training graph …');
        const rows = report.usable;
        return estimateRun(app, { method, values, rows, sizes: rows === 0 ? null : sizes });
      });
      terminal.clear();
      print(json === true ? [JSON.stringify(estimate)] : estimateText(estimate));
    });
}

export function estimateText(estimate: Estimate): string[] {
  const { memory, freeMemoryBytes, totalMemoryBytes, stepMs, totalSteps, savings } = estimate;
  const parts = Object.entries(memory);
  const needed = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  const fits = needed <= freeMemoryBytes;
  const steps =
    totalSteps === null ? '' : `, ${durationText((stepMs ?? 0) * totalSteps)} for all ${wholeText(totalSteps)}`;
  return [
    `Memory         about ${byteText(needed)}. ${fits ? 'It fits' : 'It does not fit'}: ${byteText(freeMemoryBytes)} of ${byteText(totalMemoryBytes)} are free`,
    ...parts.map(([name, bytes]) => `  ${name.padEnd(13)}${byteText(bytes)}`),
    `Time           ${stepMs === null ? 'not known' : `about ${secondsText(stepMs)} a step${steps}`}`,
    `Disk           about ${byteText(estimate.diskBytes)} of ${byteText(estimate.freeDiskBytes)} free`,
    ...(savings.length > 0 ? [fits ? 'To need less:' : 'To make it fit:'] : []),
    ...savings.flatMap(({ text, price, changes, bytes, stepMs: slower }) => [
      `  ${text}: about ${byteText(bytes)}${slower === null ? '' : `, ${secondsText(slower)} a step`}; ${price}`,
      `    ${Object.entries(changes)
        .map(([key, value]) => `--${key} ${JSON.stringify(value)}`)
        .join(' ')}`,
    ]),
  ];
}

const secondsText = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toPrecision(2)} s` : durationText(ms));
