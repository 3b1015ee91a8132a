// A terminal's installation of CUDA support ends in order whichever signal asks for it.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { App } from '../../main/app/app.ts';
import { cudaPackage } from '../../main/engine/runtime/cuda-package.ts';
import { installCudaOnTerminal } from '../../main/hosts/cli/cuda-on-terminal.ts';
import type * as Terminal from '../../main/hosts/cli/terminal.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { zipOf } from '../support/zip-file.ts';

const screen = vi.hoisted(() => ({ onLine: (_: string): void => undefined }));
vi.mock('../../main/hosts/cli/terminal.ts', async (original) => ({
  ...(await original<typeof Terminal>()),
  terminalOn: () => ({ live: (text: string) => screen.onLine(text), line: () => undefined, clear: () => undefined }),
}));

const scratch = tempFolder();
const source = cudaPackage();

test.skipIf(source === undefined).each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', async (signal) => {
  if (source === undefined) return;
  const files = source.files.map(({ path }) => [path, randomBytes(1 << 20)] as const);
  const nuspec = `<package><metadata><id>${source.name}</id><version>${source.version}</version></metadata></package>`;
  const file = scratch.write(`${signal}.nupkg`, zipOf({ 'one.nuspec': nuspec, ...Object.fromEntries(files) }));
  const folder = join(scratch.path, signal);
  const listeners = process.listenerCount(signal);
  screen.onLine = (text) => {
    if (text.startsWith('Unpacking')) process.emit(signal);
  };
  const installing = installCudaOnTerminal({ home: { folder } } as App, file);
  await expect(installing).rejects.toMatchObject({ code: 'install-stopped' });
  expect(readdirSync(join(folder, 'cuda'))).toEqual([]);
  expect(existsSync(file)).toBe(true);
  expect(process.listenerCount(signal)).toBe(listeners);
});
