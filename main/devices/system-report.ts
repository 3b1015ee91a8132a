// What a program of the system says in JSON.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const LIMIT_MS = 15_000;

/** Undefined where the program is not there, fails, takes too long, or says no JSON. */
export async function jsonFrom(program: string, words: readonly string[]): Promise<unknown> {
  try {
    const { stdout } = await promisify(execFile)(program, [...words], { timeout: LIMIT_MS, windowsHide: true });
    return JSON.parse(stdout) as unknown;
  } catch (error) {
    console.error(`${program} did not tell of this machine:`, error);
    return undefined;
  }
}
