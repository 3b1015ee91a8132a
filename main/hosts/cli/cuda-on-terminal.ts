// CUDA support in a terminal: what is there and what is wanting, one line each, and its installation.
import type { CudaPart, CudaReport } from '../../../preload/contract.ts';
import type { App } from '../../app/app.ts';
import { describeCuda, removeCuda } from '../../app/cuda-support.ts';
import { errands } from '../../app/errands.ts';
import { ownSitePackages } from '../../cuda/loader-path.ts';
import { UserError } from '../../errors.ts';
import { byteText } from './numbers.ts';
import { untilStopped } from './stop-signals.ts';
import { terminalOn } from './terminal.ts';

/** Lines below the list of devices. Empty where ONNX Runtime has no CUDA to install. */
export function cudaLines({ offered, installed, gpus, parts, problems }: CudaReport, home: string): string[] {
  if (offered === null) return [];
  const state =
    installed === null
      ? `not installed: lorelei devices --install-cuda (${offered.name} ${offered.version} from ${offered.host})`
      : `installed: ${installed.source} (${byteText(installed.bytes)}) in ${installed.folder}`;
  const pip = pipCommand(parts, home);
  return [
    '',
    `CUDA support is ${state}`,
    ...gpus.map(
      ({ index, name, driver, memoryBytes, computeCapability }) =>
        `  GPU ${index}: ${[
          name,
          ...(memoryBytes === null ? [] : [byteText(memoryBytes)]),
          ...(computeCapability === null ? [] : [`compute capability ${computeCapability}`]),
          `driver ${driver}`,
        ].join(', ')}`,
    ),
    ...parts.flatMap(({ title, path }) => (path === null ? [] : [`  ${title}: ${path}`])),
    ...problems.map(({ message, fix, commandLine }) => `  ${message} ${commandLine ?? fix}`),
    ...(pip === undefined ? [] : [`  All at once, without the toolkit: ${pip}`]),
  ];
}

/** The same of this machine. */
export async function cudaLinesHere({ home }: Pick<App, 'home'>): Promise<string[]> {
  return cudaLines(await describeCuda(home), home.folder);
}

/** Brings all that is missing to where Lorelei looks; undefined where nothing is. */
export function pipCommand(parts: readonly CudaPart[], home: string): string | undefined {
  const packages = [...new Set(parts.filter(({ path }) => path === null).map(({ pip }) => pip))];
  return packages.length === 0 ? undefined : `pip install --target ${ownSitePackages(home)} ${packages.join(' ')}`;
}

/** Installs from the feed, or from a file; Ctrl-C and its kin end it, and what came is kept. */
export async function installCudaOnTerminal(app: App, file: string | undefined): Promise<string[]> {
  const terminal = terminalOn(process.stderr);
  try {
    await untilStopped(stopped, (signal) =>
      errands.installCuda(
        app,
        file === undefined ? {} : { file },
        ({ phase, done, total = 0 }) => {
          const share = total === 0 ? '' : ` ${Math.floor((100 * done) / total)} %`;
          terminal.live(`${phase} …${share} (${byteText(done)} of ${byteText(total)})`);
        },
        signal,
      ),
    );
  } finally {
    terminal.clear();
  }
  return ['CUDA support is installed.', ...(await cudaLinesHere(app)).slice(2)];
}

const stopped = (): UserError =>
  new UserError({
    code: 'install-stopped',
    message: 'Stopped: CUDA support is not installed.',
    fix: 'Run the command again: it goes on with what came.',
  });

/** Throws UserError "cuda-not-installed". */
export function removeCudaOnTerminal(app: App): string[] {
  if (removeCuda(app)) return ['CUDA support is removed.'];
  throw new UserError({
    code: 'cuda-not-installed',
    message: 'There is no CUDA support to remove.',
    fix: 'Nothing is to be done.',
  });
}
