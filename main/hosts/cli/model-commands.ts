// Commands about models and data: preview, presets, generate. What they need is loaded when they are used,
// so that the other commands start at once.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { foldersToAsk, type FoldersToAsk } from '../../app/chain-runs.ts';
import { PROMPT_TEMPLATES, type GenerateRequest } from '../../app/generate-request.ts';
import { resourcePath } from '../../app/resources.ts';
import { listPresets } from '../../recipe/presets.ts';
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
import { readyOnTerminal } from './convert-on-terminal.ts';
import { addDeviceCommand } from './device-command.ts';
import { fetchingOnTerminal, folderAsked } from './fetch-on-terminal.ts';
import { terminalOn } from './terminal.ts';

type PreviewOptions = { config?: string; preset?: string; rows: number; method?: Method } & Json;

function toNumber(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || Number.isNaN(number)) throw new InvalidArgumentError('It must be a number.');
  return number;
}

/** Adds the commands to `lorelei`. */
export function addModelCommands(lorelei: Command, withApp: WithApp): void {
  lorelei
    .command('preview')
    .description('show what a recipe trains on, token by token, and every problem in its files')
    .addOption(configOption())
    .addOption(presetOption())
    .option('--rows <number>', 'rows to show', toNumber, 5)
    .addOption(methodOption())
    .addOption(jsonOption('everything as one JSON object'))
    .addArgument(recipeArgument())
    .allowUnknownOption()
    .action(async (words: string[], { config, preset, rows, json, ...options }: PreviewOptions) => {
      const { previewRun } = await import('../../app/preview.ts');
      const { renderPairPreview, renderPreview } = await import('../../data/preview-text.ts');
      const given = recipeValues(config, words);
      const method = options.method ?? likelyMethod(given);
      const values = overPreset(given, { method, ...(preset !== undefined && { preset }) });
      const request = { method, values, workingDirectory: process.cwd(), rows };
      const terminal = terminalOn(process.stderr);
      const onProgress = ({ done, total }: { done: number; total: number }): void => {
        terminal.live(`Reading the rows … ${Math.floor((100 * done) / Math.max(1, total))} %`);
      };
      const preview = await withApp((app) =>
        previewRun(app, { ...request, onProgress, fetchFromHub: fetchingOnTerminal(app) }),
      );
      terminal.clear();
      const color = { color: process.stdout.isTTY };
      const text = () => (preview.method === 'sft' ? renderPreview(preview, color) : renderPairPreview(preview, color));
      print([json === true ? JSON.stringify(preview) : text()]);
    });

  lorelei
    .command('presets')
    .description('list settings to start from, for sft --preset and dpo --preset')
    .addOption(jsonOption('one JSON object per preset'))
    .action(({ json }: Json) => {
      const presets = listPresets(resourcePath('presets'));
      const [nameWidth, methodWidth] = (['name', 'method'] as const).map((key) =>
        Math.max(...presets.map((preset) => preset[key].length)),
      );
      print(
        presets.map(({ name, method, purpose }) =>
          json === true
            ? JSON.stringify({ name, method, purpose })
            : `${method.padEnd(methodWidth ?? 0)}  ${name.padEnd(nameWidth ?? 0)}  ${purpose}`,
        ),
      );
    });

  lorelei
    .command('generate')
    .description('answer a prompt with a model and, if wanted, an adapter on it')
    .requiredOption(
      '--model <model>',
      'folder of the model, a GGUF file, its name on the Hub, or run:NAME for what a run has learned',
    )
    .option('--adapter <adapter>', 'folder of a LoRA adapter, its name on the Hub, or run:NAME')
    .requiredOption('--prompt <text>', 'what to answer or to continue; empty starts from nothing')
    .addOption(
      new Option(
        '--template <name>',
        'how the prompt is put: by the chat template, as an Alpaca instruction, or as it is',
      )
        .choices(PROMPT_TEMPLATES)
        .default('model'),
    )
    .option('--max-new-tokens <number>', 'longest answer, in tokens', toNumber, 256)
    .option('--temperature <number>', '0 always takes the likeliest token', toNumber, 0)
    .option('--top-p <number>', 'share of the probability to choose from', toNumber, 1)
    .option('--seed <number>', 'seed of the choice', toNumber, 42)
    .option('--device <name>', 'cpu, or auto for the best that is there', 'auto')
    .option(
      '--load-in-4bit',
      'round the model to 4 bits (NF4), as load_in_4bit does in training; a run that was trained so always does',
    )
    .action(async ({ loadIn4bit, ...request }: Omit<GenerateRequest, 'signal'> & { loadIn4bit?: true }) => {
      const { generate } = await import('../../app/generate.ts');
      const asksRun = [request.model, request.adapter].some((one) => one?.startsWith('run:'));
      const asked: FoldersToAsk = asksRun ? await withApp((app) => foldersToAsk(app, request)) : request;
      const nf4 = { type: 'nf4', nested: false } as const;
      const rounded = loadIn4bit ? await withApp(({ home }) => ({ settings: nf4, cacheDir: home.cache })) : undefined;
      const folders = {
        model: await readyOnTerminal(withApp, await folderAsked(withApp, asked.model, 'model')),
        ...(asked.adapter !== undefined && { adapter: await folderAsked(withApp, asked.adapter, 'adapter') }),
        rounded: asked.rounded ?? rounded,
      };
      for await (const text of generate({ ...request, ...folders })) process.stdout.write(text);
      process.stdout.write('\n');
    });

  addDeviceCommand(lorelei, withApp);
}
