// What windows may read and write: a folder with all that is below it and nothing beside, wherever links lead; and that
// no command of the contract takes a path past it.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { answer } from '../../main/app/answer.ts';
import { openApp, type App } from '../../main/app/app.ts';
import { FileGrants } from '../../main/app/file-grants.ts';
import { resourcePath } from '../../main/app/resources.ts';
import { UserError } from '../../main/errors.ts';
import type { CommandInput, CommandName } from '../../preload/contract.ts';
import { storeOf } from '../support/secret-store.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { userErrorOf } from '../support/user-error.ts';

const folder = tempFolder();
const at = (...parts: string[]): string => join(folder.path, ...parts);
for (const name of ['data/a.jsonl', 'data/deep/b.jsonl', 'database/c.jsonl', 'data.jsonl', 'secret/key'])
  folder.write(name, '{"text":"x"}\n');

let file: string;
let files = 0;
const noRuns = { version: () => '', paths: () => [] as string[] };
const openGrants = (more: Partial<ConstructorParameters<typeof FileGrants>[0]> = {}): FileGrants =>
  new FileGrants({ file, open: [], closed: [], usedByRuns: noRuns, ...more });

beforeEach(() => {
  file = at(`granted-${String(files++)}.json`);
});

describe('a folder that was granted', () => {
  test.each([
    ['itself', 'data', true],
    ['with a slash at its end', 'data/', true],
    ['a file in it', 'data/a.jsonl', true],
    ['a file further down', 'data/deep/b.jsonl', true],
    ['what is not there yet', 'data/new/adapter', true],
    ['a way that stays inside', 'data/deep/../a.jsonl', true],
    ['a name that begins with dots', 'data/..hidden', true],
    ['a folder whose name begins alike', 'database/c.jsonl', false],
    ['a file whose name begins alike', 'data.jsonl', false],
    ['a way out', 'data/../secret/key', false],
    ['a long way out', 'data/deep/../../../../../../../../etc/passwd', false],
    ['the folder above', '.', false],
    ['another case', 'Data/a.jsonl', false],
    ['a NUL', 'data/a.jsonl\0.txt', false],
  ])('%s', (_name, path, covered) => {
    const grants = openGrants();
    grants.grant([at('data')]);
    // Not join: it would tidy the path up.
    expect(grants.covers(`${folder.path}/${path}`)).toBe(covered);
  });

  test('a relative path is none, wherever the program runs', () => {
    const grants = openGrants();
    grants.grant([at('data')]);
    expect(grants.covers(relative(process.cwd(), at('data/a.jsonl')))).toBe(false);
    expect(grants.covers('')).toBe(false);
  });

  test('links count as what they lead to', () => {
    symlinkSync(at('secret'), at('data/out'));
    symlinkSync(at('secret/key'), at('data/key.jsonl'));
    symlinkSync(at('data/deep'), at('data/in'));
    symlinkSync(at('data'), at('way-in'));
    symlinkSync(at('nowhere'), at('data/dangling'));
    const grants = openGrants();
    grants.grant([at('data')]);
    const covers = (...names: string[]): boolean[] => names.map((name) => grants.covers(at(name)));
    expect(covers('data/out', 'data/out/key', 'data/key.jsonl', 'data/out/new-file')).toEqual(Array(4).fill(false));
    // Writing to it would make the file that it leads to.
    expect(covers('data/dangling', 'data/dangling/x')).toEqual([false, false]);
    expect(covers('data/in/b.jsonl', 'way-in/a.jsonl')).toEqual([true, true]);
  });

  test('one that is moved away and replaced by a link opens nothing else', () => {
    const grants = openGrants();
    mkdirSync(at('moved'));
    grants.grant([at('moved')]);
    rmSync(at('moved'), { recursive: true });
    symlinkSync(at('secret'), at('moved'));
    expect(grants.covers(at('moved/key'))).toBe(false);
  });
});

test('a file alone opens neither its folder nor its siblings', () => {
  const grants = openGrants();
  grants.grant([at('data/a.jsonl')]);
  expect([at('data/a.jsonl'), at('data'), at('data/deep/b.jsonl')].map((path) => grants.covers(path))).toEqual([
    true,
    false,
    false,
  ]);
});

test('what is closed stays closed, whatever lies above it is granted', () => {
  const grants = openGrants({ open: [at('data')], closed: [at('data/deep'), at('secret/key')] });
  grants.grant([folder.path]);
  expect(grants.covers(at('data/a.jsonl'))).toBe(true);
  expect([at('data/deep/b.jsonl'), at('secret/key')].map((path) => grants.covers(path))).toEqual([false, false]);
});

test('grants outlive the program, with those of another one on the same home', () => {
  const [one, other] = [openGrants(), openGrants()];
  one.grant([at('data')]);
  other.grant([at('database')]);
  one.grant([at('data/a.jsonl')]); // is open already
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([at('data'), at('database')]);
  expect([one, openGrants()].map((grants) => grants.covers(at('database/c.jsonl')))).toEqual([true, true]);
});

test('a list of grants that cannot be read opens nothing', () => {
  const complaints = console.error;
  console.error = () => undefined;
  writeFileSync(file, '{"paths": "/"}');
  expect(openGrants().covers(at('data'))).toBe(false);
  console.error = complaints;
});

test('what runs use is open, and the file that a list lies in', () => {
  const paths = [at('database/c.jsonl'), `${at('data.jsonl')}#train.rows`, 'relative.jsonl', 'data'];
  const grants = openGrants({ usedByRuns: { version: () => '1', paths: () => paths } });
  const covered = ['database/c.jsonl', 'data.jsonl', 'data/a.jsonl', 'database'].map((name) => grants.covers(at(name)));
  expect(covered).toEqual([true, true, false, false]);
});

test('a snapshot of a Hugging Face cache brings the blobs that its files are', () => {
  const repository = at('cache/models--river--otter');
  folder.write('cache/models--river--otter/blobs/abc', 'x');
  folder.write('cache/models--river--pike/blobs/def', 'x');
  mkdirSync(join(repository, 'snapshots/1'), { recursive: true });
  symlinkSync('../../blobs/abc', join(repository, 'snapshots/1/config.json'));
  const grants = openGrants();
  grants.grant([join(repository, 'snapshots/1')]);
  expect(grants.covers(join(repository, 'snapshots/1/config.json'))).toBe(true);
  expect(grants.covers(at('cache/models--river--pike/blobs/def'))).toBe(false);
});

test('a refusal says which paths, once each', () => {
  const error = userErrorOf(() => openGrants().require([at('secret'), at('data'), at('secret')]));
  expect(error.code).toBe('file-not-granted');
  expect(error.message).toContain(`${at('secret')} and 1 more`);
  expect(error.toDetails().paths).toEqual([at('secret'), at('data')]);
});

// ---- the contract ----

const asked: string[] = [];
let says = true;
const reached = new Set<string>();
function openWindow(home: string, question = true): App {
  return openApp(
    {
      launchJob: () => expect.unreachable(),
      launchErrand: (errand) => {
        reached.add(errand);
        return Promise.reject(new UserError({ code: 'reached', message: 'The errand was sent.', fix: 'Go on.' }));
      },
      secretStore: storeOf({}),
      ...(question && {
        confirmFiles: (paths: readonly string[]) => {
          asked.push(...paths);
          return Promise.resolve(says);
        },
      }),
    },
    home,
  );
}
const app = openWindow(at('home'));
afterAll(() => app.history.close());

async function codeOf<C extends CommandName>(command: C, input: CommandInput<C>, of: App = app): Promise<string> {
  const result = await answer(of, { command, input });
  return result.ok ? 'ok' : result.error.code;
}

const starter = resourcePath('starter-model');
const sample = resourcePath('sample-data', 'sft.jsonl');
const fine = { model_name_or_path: starter, dataset_name: sample, use_peft: true, max_steps: 1 };
const recipe = (values: Record<string, string | string[] | number | boolean | object>) => ({
  method: 'sft',
  preset: null,
  values: { ...fine, ...values } as never,
});
const draftOf = (values: Parameters<typeof recipe>[0]) => ({ draft: recipe(values) });
const generate = {
  prompt: 'x',
  system: '',
  template: 'none',
  temperature: 0,
  topP: 1,
  maxNewTokens: 1,
  seed: 0,
} as const;

describe('no command takes a path past the grants', () => {
  // The same whether something is there or not, so that nobody learns what is.
  const places = [
    at('secret'),
    at('secret/key'),
    at('nowhere/at/all'),
    `${folder.path}/data/../secret`,
    '~/lorelei-no',
  ];

  test.each<[string, (path: string) => Promise<string>]>([
    ['models.inspect', (path) => codeOf('models.inspect', { path })],
    ['generate', (model) => codeOf('generate', { model, ...generate })],
    ['data.look', (path) => codeOf('data.look', draftOf({ dataset_name: path }))],
    ['data.look, one of several', (path) => codeOf('data.look', draftOf({ dataset_name: [sample, path] }))],
    ['data.look, a list in a file', (path) => codeOf('data.look', draftOf({ dataset_name: `${path}#rows` }))],
    ['data.look, a pattern', (path) => codeOf('data.look', draftOf({ dataset_name: `${path}/*` }))],
    ['data.tokenize', (path) => codeOf('data.tokenize', draftOf({ dataset_name: path }))],
    ['data.tokenize, the model', (path) => codeOf('data.tokenize', draftOf({ model_name_or_path: path }))],
    ['data.tokenize, the adapter', (path) => codeOf('data.tokenize', draftOf({ adapter_name_or_path: path }))],
    ['data.tokenize, the template', (path) => codeOf('data.tokenize', draftOf({ chat_template_path: path }))],
    [
      'recipe.estimate',
      (path) => codeOf('recipe.estimate', { ...recipe({ model_name_or_path: path }), rows: null, sizes: null }),
    ],
    ...(['run.check', 'run.start'] as const).flatMap((command): [string, (path: string) => Promise<string>][] => [
      [`${command}, the model`, (path) => codeOf(command, recipe({ model_name_or_path: path }))],
      [`${command}, the adapter`, (path) => codeOf(command, recipe({ adapter_name_or_path: path }))],
      [`${command}, the data`, (path) => codeOf(command, recipe({ dataset_name: [sample, path] }))],
      [
        `${command}, the data as TRL mixes it`,
        (path) => {
          const { dataset_name: _, ...rest } = fine;
          const values = { ...rest, datasets: [{ path: 'json', data_files: path }] } as never;
          return codeOf(command, { method: 'sft', values });
        },
      ],
      [`${command}, the evaluation`, (path) => codeOf(command, recipe({ eval_dataset_name: path }))],
      [`${command}, the template`, (path) => codeOf(command, recipe({ chat_template_path: path }))],
      [`${command}, the output`, (path) => codeOf(command, recipe({ output_dir: path }))],
      [`${command}, the logs`, (path) => codeOf(command, recipe({ logging_dir: path, report_to: 'tensorboard' }))],
    ]),
    ...(['export.plan', 'export.start'] as const).map((command): [string, (path: string) => Promise<string>] => [
      command,
      (folder) => {
        const what = { id: 'otter', checkpoint: 'last', format: 'peft', dtype: 'auto', folder } as const;
        return command === 'export.plan'
          ? codeOf(command, what)
          : codeOf(command, { ...what, maxShardSize: '5GB', overwrite: true });
      },
    ]),
  ])('%s', async (_name, ask) => {
    for (const path of places) expect([path, await ask(path)]).toEqual([path, 'file-not-granted']);
    expect([...reached]).toEqual([]);
  });

  test('a file of a granted folder that leads elsewhere, in data and in a model', async () => {
    symlinkSync(at('secret/key'), folder.write('picked/keep.txt', '').replace('keep.txt', 'stolen.jsonl'));
    folder.write('model/tokenizer.json', '{}');
    symlinkSync(at('secret/key'), at('model/config.json'));
    app.grants.grant([at('picked'), at('model')]);
    expect(await codeOf('data.look', draftOf({ dataset_name: at('picked') }))).toBe('file-not-granted');
    expect(await codeOf('data.look', draftOf({ dataset_name: at('picked/*.jsonl') }))).toBe('file-not-granted');
    expect(await codeOf('models.inspect', { path: at('model') })).toBe('file-not-granted');
  });

  test('the base of an adapter lies where the adapter says', async () => {
    folder.write('base/config.json', '{"model_type":"llama"}');
    const config = { peft_type: 'LORA', r: 4, lora_alpha: 8, base_model_name_or_path: at('base') };
    folder.write('adapter/adapter_config.json', JSON.stringify(config));
    app.grants.grant([at('adapter')]);
    expect(await codeOf('models.inspect', { path: at('adapter') })).toBe('file-not-granted');
    app.grants.grant([at('base')]);
    expect(await codeOf('models.inspect', { path: at('adapter') })).toBe('ok');
  });

  test('what the program lives on, in its own home', async () => {
    folder.write('home/secrets.json', '{}');
    folder.write('home/window/Cookies', 'x');
    for (const name of ['secrets.json', 'lorelei.db', 'lorelei.db-wal', 'settings.json', 'window/Cookies', 'window'])
      expect(await codeOf('data.look', draftOf({ dataset_name: at('home', name) }))).toBe('file-not-granted');
    says = true;
    expect(await codeOf('files.grant', { paths: [at('home/secrets.json')] })).toBe('file-not-granted');
    expect(await codeOf('data.look', draftOf({ dataset_name: folder.write('home/uploads/x.jsonl', '') }))).toBe(
      'reached',
    );
  });
});

describe('asking for a path', () => {
  const look = (path: string): Promise<string> => codeOf('data.look', draftOf({ dataset_name: path }));

  test('the person is asked outside of the page, and what they refuse stays shut', async () => {
    asked.length = 0;
    says = false;
    expect(await codeOf('files.grant', { paths: [at('data')] })).toBe('file-not-granted');
    expect([await look(at('data/a.jsonl')), asked]).toEqual(['file-not-granted', [at('data')]]);
    says = true;
    expect(await codeOf('files.grant', { paths: [at('data/a.jsonl'), at('database/*.jsonl')] })).toBe('ok');
    expect(asked.slice(1)).toEqual([at('data/a.jsonl'), at('database')]);
    expect([await look(at('data/a.jsonl')), await look(at('database/*.jsonl'))]).toEqual(['reached', 'reached']);
    // No question twice.
    expect(await codeOf('files.grant', { paths: [at('data/a.jsonl')] })).toBe('ok');
    expect(asked).toHaveLength(3);
    asked.length = 0;
    expect(await codeOf('files.grant', { paths: ['~/lorelei-no/*.csv'] })).toBe('ok');
    expect(asked).toEqual([join(homedir(), 'lorelei-no')]);
  });

  test('where there is only the page, its picker is the person’s word', async () => {
    const served = openWindow(at('served'), false);
    expect(await codeOf('data.look', draftOf({ dataset_name: at('data.jsonl') }), served)).toBe('file-not-granted');
    expect(await codeOf('files.grant', { paths: [at('data.jsonl')] }, served)).toBe('ok');
    expect(await codeOf('data.look', draftOf({ dataset_name: at('data.jsonl') }), served)).toBe('reached');
    served.history.close();
  });
});
