// lorelei secrets: which secrets are set and where they lie, and keeping them in the keychain. Values are read from
// standard input, never from the words of a command, which other programs can see.
import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { secretNamed } from '../../app/secrets/known-secrets.ts';
import type { SecretState } from '../../app/secrets/secrets.ts';
import { jsonOption, print, type Json, type WithApp } from './command-parts.ts';
import { errorText } from './terminal.ts';

/** Adds the command to `lorelei`. */
export function addSecretCommands(lorelei: Command, withApp: WithApp): void {
  const secrets = lorelei
    .command('secrets')
    .description('list the keys and tokens that Lorelei can use, and where each is kept')
    .addOption(jsonOption('one JSON object per secret'))
    .action(({ json }: Json) =>
      withApp(async (app) => {
        const { secrets: states, problem } = await app.secrets.list();
        print(json === true ? states.map((state) => JSON.stringify(state)) : lines(states, app.secrets.place));
        if (problem !== undefined) process.stderr.write(`${errorText(problem)}\n`);
      }),
    );

  secrets
    .command('set <name>')
    .description('keep a secret in the keychain; its value is asked for, or read from standard input')
    .action((given: string) =>
      withApp(async (app) => {
        const name = secretNamed(given);
        await app.secrets.set(name, await readValue(name));
        process.stderr.write(`${name} is kept in ${app.secrets.place ?? ''}.\n`);
        if (process.env[name] !== undefined && process.env[name] !== '')
          process.stderr.write(`The environment has ${name} too, and goes before it.\n`);
      }),
    );

  secrets
    .command('remove <name>')
    .description('forget a secret of the keychain')
    .action((given: string) =>
      withApp(async (app) => {
        const name = secretNamed(given);
        const removed = await app.secrets.remove(name);
        process.stderr.write(removed ? `${name} is forgotten.\n` : `The keychain held no ${name}.\n`);
      }),
    );
}

function lines(states: readonly SecretState[], place: string | undefined): string[] {
  const width = Math.max(...states.map(({ name }) => name.length));
  const words: Record<SecretState['source'], string> = {
    environment: 'from the environment',
    keychain: `in ${place ?? 'the keychain'}`,
    none: 'not set',
    unknown: 'not in the environment; the keychain could not be asked',
  };
  return states.map(({ name, title, source, ending }) => {
    const shown = ending === undefined ? '' : `, …${ending}`;
    return `${name.padEnd(width)}  ${words[source]}${shown}\n${' '.repeat(width)}  ${title}`;
  });
}

/** Asks without an echo on a terminal; otherwise takes all of standard input. */
async function readValue(name: string): Promise<string> {
  if (!stdin.isTTY) return text(stdin);
  stdout.write(`${name}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    stdout.write('\n');
  }
}
