// The command line as a process of its own: started, watched, ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type Outcome = { code: number | null; stdout: string; stderr: string };

export type Started = {
  child: ChildProcess;
  ended: Promise<Outcome>;
  /** Fulfilled once `text` was printed to either stream; rejected when the process ended without it. */
  saw(text: string): Promise<void>;
};

/** The one with jobs that train nothing, or the built one. */
export type Program = 'fake-lorelei.ts' | '../../out/main/cli.js';

export function startLorelei(
  program: Program,
  words: readonly string[],
  at: { folder: string; home: string },
): Started {
  const file = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [file, ...words], {
    cwd: at.folder,
    env: { ...process.env, LORELEI_HOME: at.home, npm_lifecycle_event: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()));
  const ended = new Promise<Outcome>((resolve) => {
    child.once('close', (code) => {
      resolve({ code, ...output });
    });
  });
  return {
    child,
    ended,
    async saw(text) {
      while (!(output.stdout + output.stderr).includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended without saying ${text}: ${JSON.stringify(output)}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** The objects of JSON lines. */
export function jsonRows({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
