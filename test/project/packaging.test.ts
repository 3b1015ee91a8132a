// electron-builder.yml, checked by electron-builder itself, and the locks that it sets on the packed program.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

type Configuration = {
  electronFuses: Record<string, boolean>;
  linux: { icon: string };
  mac: { icon: string };
  win: { icon: string };
};
type Validate = (configuration: unknown, log: { isEnabled: boolean }) => Promise<void>;

const { resolve: pathOf } = createRequire(import.meta.url);
const { validateConfiguration } = createRequire(pathOf('electron-builder'))(
  'app-builder-lib/out/util/config/config.js',
) as { validateConfiguration: Validate };

const read = (): Configuration => parse(readFileSync('electron-builder.yml', 'utf8')) as Configuration;

test('electron-builder accepts it', async () => {
  await validateConfiguration(read(), { isEnabled: false });
  const misspelt = { ...read(), electronFuses: { runAsNod: false } };
  await expect(validateConfiguration(misspelt, { isEnabled: false })).rejects.toThrow('electronFuses');
});

test('the packed program is no Node, takes no debugger and no other code', () => {
  expect(read().electronFuses).toMatchObject({
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    grantFileProtocolExtraPrivileges: false,
  });
});

test('icons are what the systems take them for', () => {
  const { linux, mac, win } = read();
  expect(readFileSync(resolve(mac.icon)).toString('latin1', 0, 4)).toBe('icns');
  expect([...readFileSync(resolve(win.icon)).subarray(0, 4)]).toEqual([0, 0, 1, 0]);
  for (const size of [16, 32, 48, 64, 128, 256, 512]) {
    const png = readFileSync(resolve(linux.icon, `${size}x${size}.png`));
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
  }
  expect(existsSync('resources/icons/tray.png')).toBe(true);
});
