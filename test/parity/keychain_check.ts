// Keeps a Comet key in the system's own keychain through the command line and trains with it: node keychain_check.ts
// CLI, within a session that has an unlocked Secret Service. Comet is the stub of the tests, which checks the key. Then
// trains where nothing answers on the session's bus.
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { resourcePath } from '../../main/app/resources.ts';
import { apiKey, cometStub } from '../trackers/comet-stub.ts';

const [cli = ''] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), 'lorelei-keychain-'));
const comet = await cometStub();
const { COMET_API_KEY: _, ...environment } = process.env;
const env = { ...environment, LORELEI_HOME: home, COMET_URL_OVERRIDE: comet.url };

/** What was printed. Not spawnSync: the stub answers from this process. */
async function lorelei(words: string[], { input = '', changes = {} } = {}): Promise<string> {
  const child = spawn(process.execPath, [cli, ...words], { env: { ...env, ...changes } });
  child.stdin.end(input);
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ]);
  assert.equal(status, 0, stderr);
  assert.ok(!`${stdout}${stderr}`.includes(apiKey), `${words[0]} printed the key`);
  return stdout;
}

async function source(): Promise<unknown> {
  const rows = (await lorelei(['secrets', '--json'])).trim().split('\n');
  const states = rows.map((line) => JSON.parse(line) as { name: string; source: string });
  return states.find(({ name }) => name === 'COMET_API_KEY')?.source;
}

const run = [
  ...['sft', '--model_name_or_path', resourcePath('starter-model'), '--use_peft', '--max_steps', '3'],
  ...['--dataset_name', resourcePath('sample-data', 'sft.jsonl'), '--report_to', 'comet_ml'],
];

/** A socket that takes connections and says nothing, as a bus does that hangs. */
async function silentBus(): Promise<{ address: string; close(): void }> {
  const path = join(home, 'bus');
  const server = createServer(() => undefined);
  await new Promise<void>((listening) => server.listen(path, listening));
  return { address: `unix:path=${path}`, close: () => void server.close() };
}

async function secondsOfRun(changes: Record<string, string> = {}): Promise<number> {
  const before = Date.now();
  await lorelei(run, { changes });
  return (Date.now() - before) / 1000;
}

try {
  assert.equal(await source(), 'none');
  await lorelei(['secrets', 'set', 'COMET_API_KEY'], { input: `${apiKey}\n` });
  assert.equal(await source(), 'keychain');

  const tracked = await secondsOfRun();
  const losses = comet.posted('metric').filter(({ metricName }) => String(metricName).endsWith('loss'));
  assert.ok(losses.length > 0, 'no loss arrived');
  await lorelei(['export', 'latest', '--output-dir', join(home, 'exported')]);
  for (const file of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
    const path = join(home, file);
    if (statSync(path).isFile()) assert.ok(!readFileSync(path).includes(apiKey), `${file} holds the key`);
  }
  await lorelei(['secrets', 'remove', 'COMET_API_KEY']);
  assert.equal(await source(), 'none');
  console.log(`a key from the keychain: ${losses.length} losses arrived, no file of the home folder holds it`);

  const asked = comet.asked.length;
  const bus = await silentBus();
  const hung = await secondsOfRun({ DBUS_SESSION_BUS_ADDRESS: bus.address });
  bus.close();
  const told = await lorelei(['show', 'latest', '--json']);
  assert.match(told, /cannot be used \(it did not answer in time\)\. Set COMET_API_KEY/);
  assert.equal(comet.asked.length, asked);
  // The wait is 3 s; the rest is room for a busy machine.
  assert.ok(hung < tracked + 10, `a keychain that hangs made a run of ${tracked} s take ${hung} s`);
  console.log(`a keychain that hangs: the run took ${hung.toFixed(1)} s instead of ${tracked.toFixed(1)} s`);
} finally {
  await comet.close();
  rmSync(home, { recursive: true, force: true });
}
