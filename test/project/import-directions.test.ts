// Plants one wrong import per rule into a copy of the folder layout and expects dependency-cruiser to name the rule.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const cruiser = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');

/** File -> what it imports -> the rule that forbids it. */
const planted = [
  ['main/engine/graph/a.ts', '../autodiff/b.ts', 'floor: main/engine/graph'],
  ['main/engine/autodiff/a.ts', '../nn/b.ts', 'floor: main/engine/autodiff'],
  ['main/engine/session.ts', '../data/b.ts', 'floor: main/engine'],
  ['main/engine/losses/a.ts', 'node:child_process', 'the engine is numbers only'],
  ['main/engine/nn/a.ts', 'onnxruntime-node', 'sole importer: onnxruntime-node'],
  ['main/store/a.ts', '../recipe/b.ts', 'floor: main/store'],
  ['main/data/a.ts', '../training/b.ts', 'floor: main/data'],
  ['main/training/a.ts', '../app/b.ts', 'floor: main/training'],
  ['main/training/c.ts', '../store/b.ts', 'floor: main/training'],
  ['main/training/d.ts', 'electron', 'sole importer: electron'],
  ['main/app/a.ts', '../hosts/b.ts', 'floor: main/app'],
  ['main/app/c.ts', 'better-sqlite3', 'sole importer: better-sqlite3'],
  ['main/hosts/serve.ts', 'electron', 'sole importer: electron'],
  ['main/hosts/a.ts', '../../test/b.ts', 'the product imports no tests and no development tools'],
  ['renderer/a.ts', '../main/app/b.ts', 'floor: renderer'],
  ['main/errors.ts', './data/b.ts', 'errors.ts imports nothing'],
  ['preload/contract.ts', '../main/store/b.ts', 'the contract imports only zod'],
] as const;

let violations: { from: string; to: string; rule: { name: string } }[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorelei-directions-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, imported] of planted) {
    write(file, `import type {} from '${imported}';\nexport {};\n`);
    if (imported.startsWith('.')) write(join(dirname(file), imported), 'export {};\n');
  }
  const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const result = spawnSync(process.execPath, [cruiser, 'main', 'preload', 'renderer', ...config], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const report = JSON.parse(result.stdout) as { summary: { violations: typeof violations } };
  violations = report.summary.violations;
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(planted)('%s may not import %s', (file, _imported, rule) => {
  expect(violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name)).toContain(
    rule,
  );
});

test('the files that are imported and import nothing break no rule', () => {
  expect(violations.filter((violation) => violation.from.endsWith('/b.ts'))).toEqual([]);
});

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}
