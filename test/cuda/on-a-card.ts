// `npm run test:cuda`: trains on an NVIDIA card beside the processor and compares. Without a card it says that it did not.
//
//     --home DIR       a home folder with CUDA support; else Lorelei's own, else one is made and CUDA support installed
//     --package FILE   installs that (.nupkg or wheel) instead of asking the package feed
//     --model DIR      another model than the starter model
//     --steps N        optimizer steps of each run (20)
//
// The exit code is 1 where anything on the card fails or differs, and 0 where nothing could run for want of a card.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { homeFolder } from '../../main/app/home.ts';
import { cudaFolder, findInstallation } from '../../main/cuda/installation.ts';
import { listGpus } from '../../main/cuda/nvidia-smi.ts';
import { cudaProblems, partsHere } from '../../main/cuda/requirements.ts';
import { cudaPackage } from '../../main/engine/runtime/cuda-package.ts';
import { type Comparison, type LoggedStep, loggedStep, passes, tableOf, tolerances } from './card-report.ts';

const root = join(import.meta.dirname, '..', '..');
const { values: options } = parseArgs({
  options: {
    home: { type: 'string' },
    package: { type: 'string' },
    model: { type: 'string', default: join(root, 'resources', 'starter-model') },
    steps: { type: 'string', default: '20' },
  },
});

async function test(): Promise<number> {
  if (cudaPackage() === undefined) return nothingRan('ONNX Runtime has CUDA for Linux on x64 only');
  const gpus = await listGpus();
  if (gpus.length === 0) return nothingRan('no NVIDIA driver answers here (nvidia-smi was not found or failed)');
  for (const { index, name, driver, computeCapability } of gpus)
    console.log(`GPU ${index}: ${name}, compute capability ${computeCapability ?? 'unknown'}, driver ${driver}`);
  const home = await homeWithCuda();
  const installation = home === undefined ? undefined : findInstallation(home);
  if (home === undefined || installation === undefined) return failed('CUDA support could not be installed.');
  console.log(`CUDA support: ${installation.source} in ${installation.folder}\n`);
  const problems = cudaProblems(partsHere(installation, home), gpus);
  for (const { message, fix } of problems) console.log(`${message} ${fix}`);
  if (problems.length > 0) return failed('This machine has a card, and CUDA cannot be used on it yet.');
  // Runs go into a home of their own, which shares what is installed.
  const scratch = mkdtempSync(join(tmpdir(), 'lorelei-cuda-'));
  try {
    symlinkSync(cudaFolder(resolve(home)), cudaFolder(scratch));
    return await trainOn(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function nothingRan(why: string): number {
  console.log(`Nothing ran: ${why}. CUDA is not verified by this machine.`);
  return 0;
}

function failed(what: string): number {
  console.log(`FAILED: ${what}`);
  return 1;
}

async function homeWithCuda(): Promise<string | undefined> {
  const given = options.home ?? homeFolder(process.env);
  if (options.package === undefined && existsSync(given) && findInstallation(given) !== undefined) return given;
  const made = options.home ?? join(root, 'test-output', 'cuda-home');
  if (options.package === undefined && existsSync(made) && findInstallation(made) !== undefined) return made;
  mkdirSync(made, { recursive: true });
  console.log(`Installing CUDA support into ${made} …`);
  const more = options.package === undefined ? [] : [resolve(options.package)];
  return (await lorelei(made, ['devices', '--install-cuda', ...more])) === 0 ? made : undefined;
}

async function trainOn(home: string): Promise<number> {
  let conforms = 0;
  let deviates = 0;
  await lorelei(home, ['devices', '--check', '--json'], (line) => {
    const { device, outcome, findings } = JSON.parse(line) as {
      device: string;
      outcome: string;
      findings: { check: string; passed: boolean; detail: string }[];
    };
    if (!device.startsWith('cuda')) return;
    if (outcome === 'conforms') conforms += 1;
    else deviates += 1;
    console.log(`${device}: ${outcome}`);
    for (const { check, passed, detail } of findings)
      console.log(`  ${passed ? 'ok    ' : 'FAILED'} ${check}: ${detail}`);
  });
  console.log('');
  const comparisons: Comparison[] = [];
  for (const { title, method, settings, tolerance = tolerances.float32 } of runs) {
    const onProcessor = await steps(home, method, 'cpu', settings);
    const onCard = await steps(home, method, 'cuda', settings);
    comparisons.push({ title, tolerance, onProcessor, onCard });
  }
  for (const line of tableOf(comparisons)) console.log(line);
  const differ = comparisons.filter((comparison) => !passes(comparison));
  console.log('\nApart: the largest relative difference of a loss or of the norm of the gradients.');
  if (conforms === 0 || deviates > 0) return failed('the card does not conform: see above.');
  if (differ.length > 0) return failed(`${differ.map(({ title }) => title).join(', ')} went another way on the card.`);
  console.log('CUDA conforms on this machine.');
  return 0;
}

type Run = { title: string; method: 'sft' | 'dpo'; settings: Record<string, string>; tolerance?: number };

const plain = {
  learning_rate: '1e-4',
  per_device_train_batch_size: '4',
  max_length: '256',
  bf16: 'false',
  fp16: 'false',
};
const runs: readonly Run[] = [
  { title: 'SFT', method: 'sft', settings: plain },
  {
    title: 'SFT, 4 bits, recomputed',
    method: 'sft',
    settings: { ...plain, load_in_4bit: 'true', gradient_checkpointing: 'true' },
  },
  { title: 'SFT, DoRA, dropout', method: 'sft', settings: { ...plain, use_dora: 'true', lora_dropout: '0.1' } },
  { title: 'DPO', method: 'dpo', settings: { ...plain, per_device_train_batch_size: '2' } },
  { title: 'SFT, bf16', method: 'sft', settings: { ...plain, bf16: 'true' }, tolerance: tolerances.bfloat16 },
];

/** What a run logs. A run that fails has said why, and ends early. */
async function steps(
  home: string,
  method: 'sft' | 'dpo',
  device: string,
  settings: Record<string, string>,
): Promise<LoggedStep[]> {
  const logged: LoggedStep[] = [];
  const all = {
    ...settings,
    model_name_or_path: resolve(options.model),
    dataset_name: join(root, 'resources', 'sample-data', `${method}.jsonl`),
    max_steps: options.steps,
    ...{ logging_steps: '1', save_strategy: 'no', report_to: 'none', seed: '1', device },
  };
  const keys = Object.entries(all).flatMap(([key, value]) => [`--${key}`, value]);
  console.log(`${method} on ${device} …`);
  await lorelei(home, [method, '--json', ...keys], (line) => {
    const step = loggedStep(line, performance.now());
    if (step !== undefined) logged.push(step);
  });
  return logged;
}

/** The command line as a process of its own; what it says on stderr is shown where it fails. */
function lorelei(home: string, words: readonly string[], onLine?: (line: string) => void): Promise<number> {
  const program = join(root, 'main', 'hosts', 'cli.ts');
  const child = spawn(process.execPath, [program, ...words], {
    env: { ...process.env, LORELEI_HOME: home },
    stdio: ['ignore', onLine === undefined ? 'inherit' : 'pipe', 'pipe'],
  });
  if (child.stdout !== null && onLine !== undefined) createInterface(child.stdout).on('line', onLine);
  let said = '';
  child.stderr?.on('data', (piece: Buffer) => (said += piece.toString()));
  return new Promise((done) => {
    child.on('close', (code) => {
      if (code !== 0) console.error(said.trim());
      done(code ?? 1);
    });
  });
}

process.exitCode = await test();
