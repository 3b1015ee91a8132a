// A report for whoever is to mend a problem, as one text file that a person can read before handing it on. It holds no
// rows of data, no prompts and no secrets.
import { mkdirSync } from 'node:fs';
import { arch, homedir, release } from 'node:os';
import { join } from 'node:path';
import type { CommandOutput } from '../../preload/contract.ts';
import { writeFileAtomically } from '../checkpoints/atomic.ts';
import type { StoredRun } from '../store/runs.ts';
import type { App } from './app.ts';
import { withTrueStatus } from './find-run.ts';
import { productVersion } from './resources.ts';
import { readLogEnd } from './run-log.ts';
import { describeStorage } from './storage.ts';

const RUNS = 5;
const LOG_LINES = 100;

export async function writeDiagnostics(
  app: App,
  devices: CommandOutput<'devices.list'>,
): Promise<{ path: string; runs: number }> {
  const runs = app.history.runs.list().slice(0, RUNS);
  const storage = await describeStorage(app);
  const secrets = await app.secrets.list(AbortSignal.timeout(3000));
  const sections = [
    section('Program', {
      lorelei: productVersion(),
      node: process.versions.node,
      electron: 'electron' in process.versions ? process.versions['electron'] : 'none',
      host: app.hostKind,
      platform: `${process.platform} ${arch()} ${release()}`,
    }),
    section('Machine', devices),
    section('Settings', app.settings.read()),
    section('Disk', storage),
    section('Secrets', Object.fromEntries(secrets.secrets.map(({ name, source }) => [name, source]))),
    section('Runs', runs.map(runLines)),
  ];
  for (const run of runs) {
    const { text } = await readLogEnd(app, run);
    const lines = withoutQuotes(text.trimEnd()).split('\n').slice(-LOG_LINES);
    if (text.trim() !== '') sections.push(`# job.log of ${run.id}\n\n${lines.join('\n')}\n`);
  }
  const report = shortened(app, await app.secrets.redacted(sections.join('\n'), AbortSignal.timeout(3000)));
  mkdirSync(app.home.diagnostics, { recursive: true });
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const path = join(app.home.diagnostics, `lorelei-${stamp}.txt`);
  writeFileAtomically(path, (write) => write(Buffer.from(report)));
  return { path, runs: runs.length };
}

const section = (title: string, value: object): string => `# ${title}\n\n${JSON.stringify(value, null, 2)}\n`;

/** Of the recipe numbers and switches only: texts may be paths and prompts. An error's message may quote data. */
function runLines(stored: StoredRun) {
  const { id, method, status, lastStep, totalSteps, error, recipe } = withTrueStatus(stored);
  const figures = Object.entries(recipe).filter(([, value]) => typeof value === 'number' || typeof value === 'boolean');
  return { id, method, status, lastStep, totalSteps, error: error?.code, recipe: Object.fromEntries(figures) };
}

/** The message of an error quotes what it stumbled over. Short words in quotes are names of files and settings. */
function withoutQuotes(text: string): string {
  return text.replaceAll(/(?<!\w)(["'`])((?:\\[^]|(?!\1)[^\\])*)\1(?!\w)/g, (whole, quote: string, inside: string) =>
    /^[\x21-\x7e]{0,80}$/.test(inside) ? whole : `${quote}(${inside.length} characters left out)${quote}`,
  );
}

/** A home folder has its owner's name in it. */
function shortened(app: App, text: string): string {
  const places: [string, string][] = [
    [app.home.folder, '<home of Lorelei>'],
    [homedir(), '~'],
  ];
  // JSON doubles the backslashes of Windows.
  return places.reduce(
    (shown, [path, name]) =>
      [path, JSON.stringify(path).slice(1, -1)].reduce((s, one) => s.replaceAll(one, name), shown),
    text,
  );
}
