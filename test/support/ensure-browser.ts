// Prints as JSON where a browser for the tests of the window is. Where there is none and the machine is a Debian that lets
// us, Debian's chromium is installed; else it prints one line on what to install, and those tests are skipped.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { hasVulkan } from './ensure-vulkan.ts';
import { findBrowser, thisMachine, type Machine } from './browser-program.ts';

/** Answers whether a command succeeded. It never asks a person and ends in time. */
export type Run = (program: string, words: readonly string[]) => boolean;

type Installer = Pick<Machine, 'platform' | 'env'> & {
  /** Contents of /etc/os-release, "" where there is none. */
  release: string;
  isRoot: boolean;
  run: Run;
  say: (line: string) => void;
};

const INSTALL_LIMIT_MS = 300_000;

/** Installs Debian's chromium if this may be done here without asking (Ubuntu may not have it). Returns whether it did. */
export function installChromium(installer: Installer): boolean {
  // A browser that was named is the only one that is wanted.
  if (installer.env.CHROMIUM) return false;
  return installPackage(
    installer,
    'chromium',
    'Installing Debian’s chromium for the tests of the window (once, a minute or two) …',
  );
}

/** The same for the Vulkan loader, which tests of WebGPU need beside Chromium's SwiftShader. */
export function installVulkan(installer: Installer): boolean {
  return installPackage(
    installer,
    'libvulkan1',
    'Installing libvulkan1 for the tests on WebGPU (once, some seconds) …',
  );
}

function installPackage({ platform, release, isRoot, run, say }: Installer, name: string, what: string): boolean {
  if (platform !== 'linux' || !/^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release)) return false;
  if (!isRoot && !run('sudo', ['-n', 'true'])) return false;
  const apt = (...words: string[]): boolean => {
    const quiet = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', '-y', '-o', 'DPkg::Lock::Timeout=60', ...words];
    return isRoot ? run('env', quiet) : run('sudo', ['-n', 'env', ...quiet]);
  };
  const install = (): boolean => apt('install', '--no-install-recommends', name);
  say(what);
  return install() || (apt('update') && install());
}

/** What to do where there is no browser. */
export function adviceFor({ platform, env }: Pick<Machine, 'platform' | 'env'>, release: string): string {
  const skipped = 'The tests of the window were skipped';
  if (env.CHROMIUM) return `${skipped}: CHROMIUM names ${env.CHROMIUM}, which is no browser that runs.`;
  const isDebian = /^ID(_LIKE)?=.*\bdebian\b/m.test(release) && !/^ID(_LIKE)?=.*\bubuntu\b/m.test(release);
  const how =
    platform === 'darwin'
      ? '"brew install --cask google-chrome"'
      : platform === 'win32'
        ? '"winget install Google.Chrome"'
        : isDebian
          ? '"sudo apt-get install chromium"'
          : 'https://www.google.com/chrome, or the chromium of your system';
  return `${skipped}: install Chrome, Chromium or Edge (${how}), or name one in CHROMIUM, and run npm test again.`;
}

function ensureBrowser(): void {
  const deadline = Date.now() + INSTALL_LIMIT_MS;
  const run: Run = (program, words) =>
    spawnSync(program, words, { stdio: 'ignore', timeout: Math.max(1, deadline - Date.now()) }).status === 0;
  const release = releaseOf('/etc/os-release');
  const say = (line: string): void => console.error(line);
  const isRoot = process.getuid?.() === 0;
  const installer = { ...thisMachine, release, isRoot, run, say };
  const found = findBrowser() ?? (installChromium(installer) ? findBrowser() : undefined);
  if (found !== undefined && !hasVulkan()) installVulkan(installer);
  console.log(JSON.stringify(found === undefined ? { advice: adviceFor(thisMachine, release) } : { browser: found }));
}

function releaseOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) ensureBrowser();
