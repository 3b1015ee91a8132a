// Keeps a Comet key in the system's own keychain through the command line and trains with it: node keychain_check.ts
// CLI, within a session that has an unlocked Secret Service. Comet is the stub of the tests, which checks the key.
import { spawn, spawnSync } from 'node:child_process';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resourcePath } from '../../main/app/resources.ts';
import { apiKey, cometStub } from '../trackers/comet-stub.ts';

const [cli = ''] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), 'lorelei-keychain-'));
const comet = await cometStub();
const { COMET_API_KEY: _, ...environment } = process.env;
const env = { ...environment, LORELEI_HOME: home, COMET_URL_OVERRIDE: comet.url };

function lorelei(words: string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], { env, input, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

const source = (): unknown =>
  lorelei(['secrets', '--json'])
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; source: string })
    .find(({ name }) => name === 'COMET_API_KEY')?.source;

try {
  assert.equal(source(), 'none');
  lorelei(['secrets', 'set', 'COMET_API_KEY'], `${apiKey}\n`);
  assert.equal(source(), 'keychain');

  const keys = ['--max_steps', '3', '--report_to', 'comet_ml', '--use_peft'];
  const data = ['--dataset_name', resourcePath('sample-data', 'sft.jsonl')];
  const run = ['sft', '--model_name_or_path', resourcePath('starter-model'), ...data, ...keys];
  // Not spawnSync: the stub answers from this process.
  const child = spawn(process.execPath, [cli, ...run], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  assert.equal(await new Promise((resolve) => child.on('close', resolve)), 0);
  const losses = comet.posted('metric').filter(({ metricName }) => String(metricName).endsWith('loss'));
  assert.ok(losses.length > 0, 'no loss arrived');

  for (const file of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
    const path = join(home, file);
    if (statSync(path).isFile()) assert.ok(!readFileSync(path).includes(apiKey), `${file} holds the key`);
  }
  lorelei(['secrets', 'remove', 'COMET_API_KEY']);
  assert.equal(source(), 'none');
  console.log(`a key from the keychain: ${losses.length} losses arrived, no file of the home folder holds it`);
} finally {
  await comet.close();
  rmSync(home, { recursive: true, force: true });
}
