// The command line: which commands there are, what they take, and what their exit codes mean. What a command does
// stands in app/; how it looks, in the files beside this one.
import { resolve } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { openApp, type App } from '../../app/app.ts';
import type { LaunchJob } from '../../app/job.ts';
import { listRuns, showRun } from '../../app/show-runs.ts';
import { resumeRun, startSft, stopRun } from '../../app/start-run.ts';
import { UserError } from '../../errors.ts';
import { readRecipeFile } from '../../recipe/yaml.ts';
import { EXIT, followOnTerminal } from './follow.ts';
import { recipeArguments } from './recipe-arguments.ts';
import { runReport } from './run-report.ts';
import { serveUntilStopped } from './serve-until-stopped.ts';
import { runsText, runText } from './show-text.ts';
import { errorText } from './terminal.ts';

type Json = { json?: true };

const jsonOption = (what: string): Option => new Option('--json', what);

const print = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** The keys of a run: those of the recipe file, replaced by those on the command line. */
function recipeValues(config: string | undefined, words: readonly string[]): Record<string, unknown> {
  return { ...(config === undefined ? {} : readRecipeFile(resolve(config))), ...recipeArguments(words) };
}

async function withOpenApp<Result>(
  launchJob: LaunchJob,
  work: (app: App) => Result | Promise<Result>,
): Promise<Result> {
  const app = openApp(launchJob);
  try {
    return await work(app);
  } finally {
    app.history.close();
  }
}

function program(launchJob: LaunchJob): Command {
  const withApp = <Result>(work: (app: App) => Result | Promise<Result>): Promise<Result> =>
    withOpenApp(launchJob, work);

  const lorelei = new Command('lorelei')
    .description('Fine-tune language models on your own machine.')
    .showHelpAfterError('(lorelei --help lists the commands)')
    .exitOverride();

  lorelei
    .command('sft')
    .description('fine-tune a model on examples; keys are those of trl sft')
    .option('--config <file>', 'recipe as YAML')
    .addOption(jsonOption('one JSON object per line on stdout'))
    .argument('[keys...]', 'recipe keys, which replace those of the file: --learning_rate 1e-4')
    .allowUnknownOption()
    .action(async (words: string[], { config, json }: { config?: string } & Json) => {
      const values = recipeValues(config, words);
      const report = runReport({ stdout: process.stdout, stderr: process.stderr, json: json === true });
      process.exitCode = await withApp((app) =>
        followOnTerminal((onRecord) => startSft(app, { values, workingDirectory: process.cwd(), onRecord }), report),
      );
    });

  lorelei
    .command('resume')
    .description('continue a run from its last checkpoint')
    .argument('<run>', 'name of the run, its beginning, or "latest"')
    .addOption(jsonOption('one JSON object per line on stdout'))
    .action(async (name: string, { json }: Json) => {
      const report = runReport({ stdout: process.stdout, stderr: process.stderr, json: json === true });
      process.exitCode = await withApp((app) => followOnTerminal((onRecord) => resumeRun(app, name, onRecord), report));
    });

  lorelei
    .command('stop')
    .description('stop a run of another terminal after its current step, and save')
    .argument('<run>', 'name of the run, its beginning, or "latest"')
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
    .argument('<run>', 'name of the run, its beginning, or "latest"')
    .addOption(jsonOption('everything as one JSON object'))
    .action((name: string, { json }: Json) =>
      withApp((app) => {
        const run = showRun(app, name);
        const width = process.stdout.isTTY ? process.stdout.columns : undefined;
        print(json === true ? [JSON.stringify(run)] : runText(run, width));
      }),
    );

  lorelei
    .command('serve')
    .description('show the runs in a browser, at an address that only this machine reaches')
    .option('--port <number>', 'port on 127.0.0.1; 0 takes any that is free', '7878')
    .action(({ port }: { port: string }) => withApp((app) => serveUntilStopped(app, port)));

  return lorelei;
}

/** --max_new_tokens and --max-new-tokens are the same option. */
function withHyphens(words: readonly string[]): string[] {
  return words.map((word) => word.replace(/^--[^=]+/, (name) => name.replaceAll('_', '-')));
}

/**
 * Runs one command of the words after `lorelei`; sets process.exitCode to 0 (done), 1 (the run failed, or a bug) or 2
 * (the request was wrong).
 */
export async function runCommandLine(words: readonly string[], launchJob: LaunchJob): Promise<void> {
  try {
    await program(launchJob).parseAsync(withHyphens(words), { from: 'user' });
  } catch (error) {
    if (error instanceof UserError) {
      process.stderr.write(`${errorText(error)}\n`);
      process.exitCode = EXIT.requestWrong;
    } else if (error instanceof CommanderError) {
      // Commander has printed the help or what is wrong.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.requestWrong;
    } else {
      process.stderr.write('This is a bug in Lorelei. Please report it with the lines below.\n');
      console.error(error);
      process.exitCode = EXIT.failed;
    }
  }
}
