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
  const { memory, device, freeMemoryBytes, totalMemoryBytes, stepMs, totalSteps, savings } = estimate;
  const host = { memory, freeBytes: freeMemoryBytes, totalBytes: totalMemoryBytes };
  const all = device === null ? [host] : [device, host];
  const fits = all.every((one) => one.freeBytes === null || bytesOf(one.memory) <= one.freeBytes);
  const steps =
    totalSteps === null ? '' : `, ${durationText((stepMs ?? 0) * totalSteps)} for all ${wholeText(totalSteps)}`;
  const time =
    stepMs === null
      ? `not known${totalSteps === null ? '' : `; ${wholeText(totalSteps)} steps`}`
      : `about ${secondsText(stepMs)} a step${steps}`;
  return [
    ...(device === null ? [] : memoryLines(`On ${device.name}`, device)),
    ...memoryLines('Memory', host),
    `Time           ${time}`,
    `Disk           about ${byteText(estimate.diskBytes)} of ${byteText(estimate.freeDiskBytes)} free`,
    ...(savings.length > 0 ? [fits ? 'To need less:' : 'To make it fit:'] : []),
    ...savings.flatMap(({ text, price, changes, bytes, deviceBytes, timeRatio }) => [
      `  ${text}: ${deviceBytes === null ? '' : `about ${byteText(deviceBytes)} on ${device?.name ?? 'the device'}, `}about ${byteText(bytes)}${deviceBytes === null ? '' : ' of memory'}${timeRatio === null ? '' : `, ${ratioText(timeRatio)}`}; ${price}`,
      `    ${Object.entries(changes)
        .map(([key, value]) => `--${key} ${JSON.stringify(value)}`)
        .join(' ')}`,
    ]),
  ];
}

type Needed = { memory: Estimate['memory']; freeBytes: number | null; totalBytes: number | null };

const bytesOf = (memory: Estimate['memory']): number => Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);

function memoryLines(name: string, { memory, freeBytes, totalBytes }: Needed): string[] {
  const needed = bytesOf(memory);
  const there =
    freeBytes === null || totalBytes === null
      ? totalBytes === null
        ? 'How much is there is not known'
        : `${byteText(totalBytes)} are there, how much of it is free is not known`
      : `${needed <= freeBytes ? 'It fits' : 'It does not fit'}: ${byteText(freeBytes)} of ${byteText(totalBytes)} are free`;
  return [
    `${name.padEnd(15)}about ${byteText(needed)}. ${there}`,
    ...Object.entries(memory).map(([part, bytes]) => `  ${part.padEnd(13)}${byteText(bytes)}`),
  ];
}

/** Of a step. */
function ratioText(ratio: number): string {
  const percent = Math.round(100 * Math.abs(ratio - 1));
  if (percent < 3) return 'about as fast';
  return `about ${percent} % ${ratio > 1 ? 'more' : 'less'} time a step`;
}

const secondsText = (ms: number): string => (ms < 10_000 ? `${(ms / 1000).toPrecision(2)} s` : durationText(ms));
