// Opens the built desktop app. Where Electron's own program cannot be had (it is no npm package but a download), the
// same page is served to a browser instead.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

const electron = electronProgram();
const [program, parameters] = electron ? [electron, ['.']] : [process.execPath, ['out/main/cli.js', 'serve']];
const child = spawn(program, [...parameters, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('close', (code, signal) => (process.exitCode = code ?? (signal ? 1 : 0)));

/** Path of Electron, which downloads itself when first asked for; undefined where it cannot, with a word on it. */
function electronProgram() {
  try {
    return createRequire(import.meta.url)('electron');
  } catch {
    console.error('Electron is not here and could not be downloaded.');
    console.error('"npx install-electron" downloads it. Until then the app opens in a browser:\n');
    return undefined;
  }
}
