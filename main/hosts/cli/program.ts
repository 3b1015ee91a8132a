// The command line: which commands there are, what they take, and what their exit codes mean. What a command does
// stands in app/; how it looks, in the files beside this one.
import { Command, CommanderError } from 'commander';
import { openApp, type App } from '../../app/app.ts';
import type { LaunchJob } from '../../app/job.ts';
import { productVersion } from '../../app/resources.ts';
import { UserError } from '../../errors.ts';
import { historyProblem } from '../../store/problems.ts';
import type { WithApp } from './command-parts.ts';
import { addEstimateCommand } from './estimate-command.ts';
import { EXIT } from './follow.ts';
import { forkedErrands } from './fork-errand.ts';
import { addModelCommands } from './model-commands.ts';
import { addRunCommands } from './run-commands.ts';
import { addSecretCommands } from './secret-commands.ts';
import { serveUntilStopped } from './serve-until-stopped.ts';
import { errorText } from './terminal.ts';

async function withOpenApp<Result>(
  launchJob: LaunchJob,
  work: (app: App) => Result | Promise<Result>,
): Promise<Result> {
  const app = openApp({ launchJob, ...forkedErrands(), kind: 'browser' });
  try {
    return await work(app);
  } catch (error) {
    throw historyProblem(error, app.home.history) ?? error;
  } finally {
    // A process that is kept for the next question would keep this one.
    app.coolErrands();
    app.history.close();
  }
}

function program(launchJob: LaunchJob): Command {
  const withApp: WithApp = (work) => withOpenApp(launchJob, work);

  const lorelei = new Command('lorelei')
    .description('Fine-tune language models on your own machine.')
    .version(productVersion(), '-V, --version', 'print the version')
    .showHelpAfterError('(lorelei --help lists the commands)')
    .exitOverride();

  addRunCommands(lorelei, withApp);
  addModelCommands(lorelei, withApp);
  addEstimateCommand(lorelei, withApp);
  addSecretCommands(lorelei, withApp);

  lorelei
    .command('quickstart')
    .description('fine-tune the model that ships with Lorelei: a minute on any CPU')
    .action(async () => {
      const { quickstart } = await import('./quickstart.ts');
      const line = (text: string): void => void process.stdout.write(`${text}\n`);
      process.exitCode = await withApp((app) => quickstart(app, line));
    });

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
