// Runs the project's checks one after the other and adds them up: `check` is quick (types, lint, unit tests),
// `all` builds first and runs every test. The last line is "N passed, N failed"; a failed stage counts as one failure.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const outputFolder = 'test-output';

const build = [{ name: 'build', command: 'electron-vite build --logLevel warn' }];
const types = [
  { name: 'types', command: 'tsc --noEmit -p .' },
  { name: 'svelte', command: 'svelte-check --tsconfig ./tsconfig.json --fail-on-warnings --output human' },
];
const format = [{ name: 'format', command: 'prettier --check --log-level warn .' }];
const lint = [
  { name: 'lint', command: 'eslint --max-warnings 0 .' },
  { name: 'import directions', command: 'depcruise main preload renderer test --config .dependency-cruiser.cjs' },
  { name: 'unused code', command: 'knip --no-progress' },
];
const unit = [{ name: 'unit tests', command: 'vitest run --project unit', project: 'unit' }];
const components = [{ name: 'component tests', command: 'vitest run --project components', project: 'components' }];
const whole = [{ name: 'tests of the whole', command: 'vitest run --project whole', project: 'whole' }];

/** Rounds follow each other; the lanes of a round run side by side. */
const plans = {
  check: [[[...types, ...format], lint], [unit]],
  all: [[build], [[...types, ...format], lint], [unit], [components], [whole]],
};

const rounds = plans[process.argv[2]];
if (!rounds) throw new Error(`usage: run-stages.mjs ${Object.keys(plans).join('|')}`);

rmSync(outputFolder, { recursive: true, force: true });
mkdirSync(outputFolder, { recursive: true });
const { browser, advice } = plans.all === rounds ? ensureBrowser() : {};
const results = [];
for (const lanes of rounds) results.push(...(await Promise.all(lanes.map(runLane))).flat());

const failedStages = results.filter((stage) => stage.exitCode !== 0).map((stage) => stage.name);
if (failedStages.length > 0) console.log(`\nfailed: ${failedStages.join(', ')}`);
const sum = (key) => results.reduce((total, stage) => total + stage[key], 0);
const skipped = sum('skipped');
if (advice) console.log(`\n${advice}`);
console.log(`\n${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failedStages.length > 0 ? 1 : 0;

async function runLane(stages) {
  const done = [];
  for (const stage of stages) done.push(await run(stage));
  return done;
}

/** Output of tests is shown as it comes, that of the other stages at once, and only when they fail. */
async function run(stage) {
  const started = Date.now();
  const report = stage.project && join(outputFolder, `${stage.project}.json`);
  const command = report
    ? `${stage.command} --reporter=default --reporter=json --outputFile.json=${report}`
    : stage.command;
  const env = browser ? { ...process.env, CHROMIUM: browser } : process.env;
  const child = spawn(command, { shell: true, env, stdio: report ? 'inherit' : ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const exitCode = await new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  if (exitCode !== 0) console.log(output);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${exitCode === 0 ? 'ok    ' : 'FAILED'} ${stage.name} (${seconds} s)`);
  return { name: stage.name, exitCode, ...counts(report, exitCode) };
}

/** A browser for the tests of the window, or one line on what to install. */
function ensureBrowser() {
  const program = join(import.meta.dirname, 'ensure-browser.ts');
  // The oldest Node that will do needs to be told that it may read TypeScript.
  const words = ['--experimental-strip-types', '--disable-warning=ExperimentalWarning', program];
  const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(stdout);
}

function counts(report, exitCode) {
  const none = { passed: 0, failed: exitCode === 0 ? 0 : 1, skipped: 0 };
  if (!report) return none;
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
    return { passed: numPassedTests, failed: Math.max(numFailedTests, none.failed), skipped: numPendingTests };
  } catch {
    console.log(`no report in ${report}: the test runner itself stopped`);
    return { ...none, failed: 1 };
  }
}
