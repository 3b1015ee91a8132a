// Reads a secret from standard input: without an echo from a terminal, all of it from anything else.
import { stdin, stderr } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { UserError } from '../../errors.ts';

/** Throws UserError "nothing-typed" where a person left the question with Ctrl-C or Ctrl-D. */
export async function readHidden(name: string): Promise<string> {
  if (!stdin.isTTY) return text(stdin);
  stderr.write(`${name}: `);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true, historySize: 0 });
  try {
    return await reader.question('');
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
    throw new UserError(
      { code: 'nothing-typed', message: `Nothing was kept for ${name}.`, fix: 'Run it again and end with Enter.' },
      { cause: error },
    );
  } finally {
    reader.close();
    stderr.write('\n');
  }
}
