// `lorelei serve`, built, as a process of its own on a home folder.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type Served = {
  /** The newest link; each works once. */
  link(): string;
  pid: number;
  /** Ends it as Ctrl-C does. */
  stop(): Promise<void>;
};

export async function startServe(home: string, environment: Record<string, string> = {}): Promise<Served> {
  const child = spawn(process.execPath, ['out/main/cli.js', 'serve', '--port', '0'], {
    env: { ...process.env, LORELEI_HOME: home, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let link = '';
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /http:\S+/.exec(line)?.[0];
      if (found === undefined) return;
      link = found;
      resolve();
    });
    void ended.then(() => reject(new Error('lorelei serve ended before it printed a link')));
  });
  return {
    link: () => link,
    pid: child.pid ?? Number.NaN,
    async stop() {
      child.kill('SIGINT');
      await ended;
    },
  };
}
