// Secrets in one file of the home folder, encrypted by Electron with a key that the system's keychain holds.
import { safeStorage } from 'electron';
import { existsSync, readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { z } from 'zod';
import type { SecretStore } from '../../app/secrets/secret-store.ts';
import { writeFileAtomically } from '../../checkpoints/atomic.ts';
import { messageOf, UserError } from '../../errors.ts';

const fileFormat = z.record(z.string(), z.base64());

const places: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'the macOS keychain',
  win32: 'your Windows account',
};

export function safeSecretStore(file: string): SecretStore {
  const read = (): Map<string, string> => {
    if (!existsSync(file)) return new Map();
    try {
      return new Map(Object.entries(fileFormat.parse(JSON.parse(readFileSync(file, 'utf8')))));
    } catch (error) {
      throw unavailable(`${file} cannot be read: ${messageOf(error)}`, `Delete ${file} and set the keys anew.`, error);
    }
  };
  const write = async (held: Map<string, string>): Promise<void> => {
    writeFileAtomically(file, (put) => put(Buffer.from(JSON.stringify(Object.fromEntries(held)))));
    await chmod(file, 0o600);
  };
  return {
    place: places[process.platform] ?? 'the keychain of the desktop',
    get(names) {
      const held = read();
      const found = names.flatMap((name): [string, string][] => {
        const encrypted = held.get(name);
        return encrypted === undefined ? [] : [[name, decrypted(name, encrypted)]];
      });
      return Promise.resolve(Object.fromEntries(found));
    },
    async set(name, value) {
      checkEncryption();
      await write(read().set(name, safeStorage.encryptString(value).toString('base64')));
    },
    async remove(name) {
      const held = read();
      if (!held.delete(name)) return false;
      await write(held);
      return true;
    },
  };
}

function decrypted(name: string, encrypted: string): string {
  checkEncryption();
  try {
    return safeStorage.decryptString(Buffer.from(encrypted, 'base64'));
  } catch (error) {
    throw unavailable(
      `${name} was encrypted with another key: ${messageOf(error)}`,
      `Set ${name} anew in Settings, or as an environment variable.`,
      error,
    );
  }
}

/** Without a keychain Chromium would encrypt with a key that everybody knows. */
function checkEncryption(): void {
  const hasOnlyAKnownKey = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text';
  if (safeStorage.isEncryptionAvailable() && !hasOnlyAKnownKey) return;
  throw unavailable(
    'the system has no keychain that Lorelei could use',
    'Unlock or install one (GNOME Keyring, KWallet), or set the key as an environment variable.',
  );
}

function unavailable(reason: string, fix: string, cause?: unknown): UserError {
  return new UserError(
    { code: 'keychain-unavailable', message: `Keys cannot be kept or read (${reason}).`, fix },
    { cause },
  );
}
