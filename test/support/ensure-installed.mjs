// Installs the packages that package-lock.json names when they are not there, and checks that a Node is at hand which
// can run them. Uses nothing but Node 20, because it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const oldestNode = [22, 14]; // better-sqlite3 13 needs N-API 10
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

if (!installed()) install();
checkNode();

/** True when every package of the lockfile lies in node_modules at its version; optional ones may be absent. */
function installed() {
  const record = join(root, 'node_modules', '.package-lock.json'); // npm writes it last
  if (!existsSync(record)) return false;
  const present = packagesOf(record);
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(([folder, wanted]) => {
    if (folder === '') return true;
    const found = present[folder];
    return found ? found.version === wanted.version : wanted.optional === true || wanted.devOptional === true;
  });
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}

function install() {
  console.error('Installing packages (once, a minute or two) …');
  const started = Date.now();
  const npmArguments = ['ci', '--loglevel=error', '--no-progress'];
  const npmScript = process.env.npm_execpath;
  const result = npmScript
    ? spawnSync(process.execPath, [npmScript, ...npmArguments], { cwd: root, encoding: 'utf8' })
    : spawnSync('npm', npmArguments, { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  if (result.status !== 0) {
    console.error(result.error?.message ?? `${result.stdout}${result.stderr}`);
    stop('The packages could not be installed: see npm’s words above. Mend that, then run the same command again.', 1);
  }
  console.error(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** On Linux x64 an npm package brings the right Node; elsewhere the machine's own must be new enough. */
function checkNode() {
  const own = join(root, 'node_modules', '.bin', 'node');
  const node = existsSync(own) ? own : process.execPath;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return;
  stop(
    `Lorelei needs Node ${oldestNode.join('.')} or newer, and this is ${version || 'an unknown version'} (${node}). ` +
      'Install the current LTS release of Node (for example with "nvm install --lts" or "brew install node"), open a ' +
      'new terminal and run the same command again.',
    2,
  );
}

function stop(message, exitCode) {
  console.error(message);
  process.exit(exitCode);
}
