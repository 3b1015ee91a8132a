// Commands about runs: start, resume, stop, list, show, export.
import { Argument, Option, type Command } from 'commander';
import { resumeFrom } from '../../app/branch-run.ts';
import { listRuns, showRun } from '../../app/show-runs.ts';
import { startRun, stopRun } from '../../app/start-run.ts';
import { mergedDTypes } from '../../checkpoints/merged-model.ts';
import { exportTargets } from '../../export/registry.ts';
import { METHODS, methods } from '../../recipe/recipe.ts';
import {
  configOption,
  jsonOption,
  overPreset,
  presetOption,
  print,
  recipeArgument,
  recipeValues,
  runArgument,
  type Json,
  type WithApp,
} from './command-parts.ts';
import { exportOnTerminal, type TerminalExport } from './export-on-terminal.ts';
import { fetchingOnTerminal } from './fetch-on-terminal.ts';
import { followOnTerminal } from './follow.ts';
import { recipeArguments } from './recipe-arguments.ts';
import { runReport } from './run-report.ts';
import { runsText, runText } from './show-text.ts';

type ExportOptions = Omit<TerminalExport, 'run' | 'overwrite' | 'isPublic'> & {
  overwrite?: true;
  public?: true;
  private?: true;
};

const reportFor = ({ json }: Json) =>
  runReport({ stdout: process.stdout, stderr: process.stderr, json: json === true });

/** Adds the commands to `lorelei`. */
export function addRunCommands(lorelei: Command, withApp: WithApp): void {
  for (const method of METHODS) {
    lorelei
      .command(method)
      .description(`${methods[method].purpose}; keys are those of ${methods[method].trlName}`)
      .addOption(configOption())
      .addOption(presetOption())
      .addOption(jsonOption('one JSON object per line on stdout'))
      .addArgument(recipeArgument())
      .allowUnknownOption()
      .action(async (words: string[], options: { config?: string; preset?: string } & Json) => {
        const values = overPreset(recipeValues(options.config, words), { ...options, method });
        const request = { method, values, workingDirectory: process.cwd() };
        const report = reportFor(options);
        process.exitCode = await withApp((app) =>
          followOnTerminal(
            (onRecord) => startRun(app, { ...request, onRecord, fetchFromHub: fetchingOnTerminal(app) }),
            report,
          ),
        );
      });
  }

  lorelei
    .command('resume')
    .description(
      'continue a run from its last checkpoint; from an earlier one, or with other keys, a new run begins there and the old one stays',
    )
    .addArgument(runArgument())
    .option('--checkpoint <which>', '"last", "best" (lowest eval_loss) or a step')
    .addOption(jsonOption('one JSON object per line on stdout'))
    .addArgument(new Argument('[keys...]', 'recipe keys for the rest: --num_train_epochs 5'))
    .allowUnknownOption()
    .action(async (name: string, words: string[], options: { checkpoint?: string } & Json) => {
      const report = reportFor(options);
      const values = recipeArguments(words);
      const request = { checkpoint: options.checkpoint, values, workingDirectory: process.cwd() };
      process.exitCode = await withApp((app) =>
        followOnTerminal((onRecord) => resumeFrom(app, name, { ...request, onRecord }), report),
      );
    });

  lorelei
    .command('stop')
    .description('stop a run of another terminal after its current step, and save')
    .addArgument(runArgument())
    .action((name: string) =>
      withApp((app) => {
        print([`${stopRun(app, name).id} stops after its current step and saves.`]);
      }),
    );

  lorelei
    .command('runs')
    .description('list all runs')
    .addOption(jsonOption('one JSON object per run'))
    .action(({ json }: Json) =>
      withApp((app) => {
        const runs = listRuns(app);
        if (json !== true) print(runsText(runs));
        else for (const run of runs) print([JSON.stringify(run)]);
      }),
    );

  lorelei
    .command('show')
    .description('show a run: its state, loss, checkpoints and events')
    .addArgument(runArgument())
    .addOption(jsonOption('everything as one JSON object'))
    .action((name: string, { json }: Json) =>
      withApp((app) => {
        const run = showRun(app, name);
        const width = process.stdout.isTTY ? process.stdout.columns : undefined;
        print(json === true ? [JSON.stringify(run)] : runText(run, width));
      }),
    );

  lorelei
    .command('export')
    .description('write what a run has learned into a folder, upload it to the Hugging Face Hub, or both')
    .addArgument(runArgument())
    .option('--output-dir <folder>', 'where to')
    .option('--push-to-hub <repository>', 'upload it to owner/name, which is made where it is not there yet')
    .addOption(new Option('--private', 'of --push-to-hub: a new repository is private (default)').conflicts('public'))
    .option('--public', 'of --push-to-hub: everybody may see it')
    .option('--commit-message <text>', 'of --push-to-hub')
    .option(
      '--format <name>',
      exportTargets.map(({ name, description }) => `${name}: ${description}`).join('; '),
      'peft',
    )
    .option('--checkpoint <which>', '"last", "best" (lowest eval_loss) or a step', 'last')
    .option('--dtype <name>', `of a merged model's weights: ${mergedDTypes.join(', ')}`, 'auto')
    .option('--max-shard-size <size>', 'cut a larger merged model into files of at most this size', '5GB')
    .option('--overwrite', 'replace an earlier export in the folder')
    .action((name: string, { overwrite, public: isPublic, private: _, ...options }: ExportOptions) =>
      withApp((app) =>
        exportOnTerminal(app, {
          ...options,
          run: name,
          overwrite: overwrite === true,
          isPublic: isPublic === true,
        }),
      ),
    );
}
