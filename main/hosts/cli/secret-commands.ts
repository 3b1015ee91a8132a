// lorelei secrets: which secrets are set and where they lie, and keeping them in the keychain. Values are read from
// standard input, never from the words of a command, which other programs can see.
import type { Command } from 'commander';
import { secretNamed } from '../../app/secrets/known-secrets.ts';
import type { Secrets } from '../../app/secrets/secrets.ts';
import { UserError } from '../../errors.ts';
import type { SecretState } from '../../../preload/contract.ts';
import { jsonOption, print, type Json, type WithApp } from './command-parts.ts';
import { readHidden } from './read-hidden.ts';
import { errorText } from './terminal.ts';

/** A keychain that asks for its password is waited for where a person can type it. */
const UNATTENDED_MS = 3000;
const NOTICE_AFTER_MS = 2000;

/** Adds the command to `lorelei`. */
export function addSecretCommands(lorelei: Command, withApp: WithApp): void {
  const secrets = lorelei
    .command('secrets')
    .description('list the keys and tokens that Lorelei can use, and where each is kept')
    .addOption(jsonOption('one JSON object per secret, never its value'))
    .action(({ json }: Json) =>
      withApp(async (app) => {
        const limit = process.stderr.isTTY ? undefined : AbortSignal.timeout(UNATTENDED_MS);
        const { secrets: states, problem } = await waitingFor(app.secrets.list(limit));
        print(json === true ? states.map((state) => JSON.stringify(state)) : lines(states, app.secrets));
        if (problem !== undefined) process.stderr.write(`${errorText(problem)}\n`);
      }),
    );

  secrets
    .command('set <name> [words...]')
    .usage('<name>')
    .description('keep a secret in the keychain; its value is asked for, or read from standard input')
    .action((given: string, words: readonly string[], _options, command: Command) =>
      withApp(async (app) => {
        const name = nameAlone(given, words);
        await waitingFor(app.secrets.set(name, await readHidden(name)));
        const { place = '', reach = '' } = app.secrets;
        told(command, { name, kept: true, place }, `${name} is kept in ${place}. ${reach}`);
        if (process.env[name] !== undefined && process.env[name] !== '')
          process.stderr.write(`The environment has ${name} too, and goes before it.\n`);
      }),
    );

  secrets
    .command('remove <name>')
    .description('forget a secret of the keychain')
    .action((given: string, _options, command: Command) =>
      withApp(async (app) => {
        const name = secretNamed(given);
        const removed = await waitingFor(app.secrets.remove(name));
        told(command, { name, removed }, removed ? `${name} is forgotten.` : `The keychain held no ${name}.`);
      }),
    );
}

/** Commander's own words would repeat a value that was given with the name. Throws UserError. */
function nameAlone(given: string, words: readonly string[]): string {
  const [before = ''] = given.split('=');
  const name = secretNamed(before);
  if (words.length === 0 && before === given) return name;
  throw new UserError({
    code: 'secret-in-command',
    message: `The value of ${name} was given in the command, where other programs and the shell's history can read it. It was not kept.`,
    fix: `Run lorelei secrets set ${name}, which asks for it, or write it to its standard input. Make a new key if others use this machine.`,
  });
}

/** --json belongs to `secrets`, which reads it wherever it stands. */
function told(command: Command, result: Record<string, unknown>, words: string): void {
  if (command.optsWithGlobals<Json>().json === true) print([JSON.stringify(result)]);
  else process.stderr.write(`${words}\n`);
}

/** Says why nothing happens where the keychain takes its time. */
async function waitingFor<Result>(work: Promise<Result>): Promise<Result> {
  const timer = setTimeout(() => {
    process.stderr.write('Waiting for the keychain, which may ask for its password in a window. Ctrl-C ends this.\n');
  }, NOTICE_AFTER_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

function lines(states: readonly SecretState[], { place, reach }: Pick<Secrets, 'place' | 'reach'>): string[] {
  const width = Math.max(...states.map(({ name }) => name.length));
  const words: Record<SecretState['source'], string> = {
    environment: 'from the environment',
    keychain: `in ${place ?? 'the keychain'}`,
    login: 'from hf auth login',
    none: 'not set',
    unknown: 'not in the environment; the keychain could not be asked',
  };
  const shown = states.map(({ name, title, source, ending }) => {
    const end = ending === undefined ? '' : `, …${ending}`;
    return `${name.padEnd(width)}  ${words[source]}${end}\n${' '.repeat(width)}  ${title}`;
  });
  const kept =
    place === undefined
      ? 'There is no keychain to keep one in.'
      : `One that is set is kept in ${place}. ${reach ?? ''}`;
  return [...shown, '', kept];
}
