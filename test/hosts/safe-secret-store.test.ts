// Secrets of the desktop app: what lies on the disk, and what becomes of them without a keychain.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { systemKeychain } from '../../main/app/secrets/keychain.ts';
import { tempFolder } from '../support/temp-folder.ts';

const system = vi.hoisted(() => ({ isAvailable: true, backend: 'gnome_libsecret', key: 0x5a }));

/** Electron's, with a cipher that is none, but that a wrong key and a plain text would show. */
vi.mock('electron', () => ({
  safeStorage: {
    isAsyncEncryptionAvailable: () => Promise.resolve(system.isAvailable),
    getSelectedStorageBackend: () => system.backend,
    encryptStringAsync: (text: string) => Promise.resolve(Buffer.from(`v11${text}`).map((byte) => byte ^ system.key)),
    decryptStringAsync(bytes: Buffer) {
      const text = Buffer.from(bytes.map((byte) => byte ^ system.key)).toString();
      return text.startsWith('v11')
        ? Promise.resolve({ shouldReEncrypt: false, result: text.slice(3) })
        : Promise.reject(new Error('Error while decrypting the ciphertext provided.'));
    },
  },
}));

const { safeSecretStore } = await import('../../main/hosts/electron/safe-secret-store.ts');
const file = join(tempFolder().path, 'secrets.json');
const signal = new AbortController().signal;
const token = 'hf_SecretOfTheRiver42';

beforeEach(() => {
  Object.assign(system, { isAvailable: true, backend: 'gnome_libsecret', key: 0x5a });
  rmSync(file, { force: true });
});

test('a secret comes back from a new store, and is readable neither in the file nor by other users', async () => {
  await safeSecretStore(file).set('HF_TOKEN', token);
  expect(await safeSecretStore(file).get(['HF_TOKEN', 'WANDB_API_KEY'], signal)).toEqual({ HF_TOKEN: token });
  const bytes = readFileSync(file, 'utf8');
  expect(bytes).not.toContain(token);
  expect(bytes).not.toContain(Buffer.from(token).toString('base64').slice(0, 20));
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o077).toBe(0);
});

test('it says that other doors do not read it, and the system’s keychain says the same of it', () => {
  const keychain = systemKeychain(() => Promise.reject(new Error('not asked')), {});
  expect(safeSecretStore(file).place).toContain('own store');
  expect(safeSecretStore(file).reach).toMatch(/Only the desktop app.*lorelei secrets/);
  expect(keychain?.reach).toMatch(/desktop app keeps its own/);
});

test('what is removed is gone from the file', async () => {
  const store = safeSecretStore(file);
  await store.set('HF_TOKEN', token);
  expect(await store.remove('HF_TOKEN')).toBe(true);
  expect(await store.remove('HF_TOKEN')).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe('{}');
});

describe('refuses, and says what to do', () => {
  const problem = { code: 'keychain-unavailable' };

  test.skipIf(process.platform !== 'linux')('where Chromium would use a key that everybody knows', async () => {
    system.backend = 'basic_text';
    await expect(safeSecretStore(file).set('HF_TOKEN', token)).rejects.toMatchObject(problem);
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  test('where nothing can be encrypted', async () => {
    system.isAvailable = false;
    await expect(safeSecretStore(file).set('HF_TOKEN', token)).rejects.toMatchObject(problem);
  });

  test('what another key encrypted, and a file that is no such file', async () => {
    const store = safeSecretStore(file);
    await store.set('HF_TOKEN', token);
    system.key = 0x33;
    await expect(store.get(['HF_TOKEN'], signal)).rejects.toMatchObject(problem);
    writeFileSync(file, '{"HF_TOKEN"');
    await expect(store.get(['HF_TOKEN'], signal)).rejects.toMatchObject(problem);
  });
});
