// Secrets in one file of the home folder, encrypted by Electron with a key that the system's keychain holds.
import { safeStorage } from 'electron';
import { existsSync, readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { z } from 'zod';
import type { SecretStore } from '../../app/secrets/secret-store.ts';
import { writeFileAtomically } from '../../checkpoints/atomic.ts';
import { messageOf, UserError } from '../../errors.ts';

const fileFormat = z.record(z.string(), z.base64());

/** What holds the key. */
const keepers: Partial<Record<NodeJS.Platform, string>> = {
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
    place: `the app's own store, encrypted with a key of ${keepers[process.platform] ?? 'the keychain of the desktop'}`,
    reach: 'Only the desktop app reads it; lorelei secrets and lorelei serve keep their own.',
    async get(names) {
      const held = read();
      const found: Record<string, string> = {};
      for (const name of names) {
        const encrypted = held.get(name);
        if (encrypted !== undefined) found[name] = await decrypted(name, encrypted);
      }
      return found;
    },
    async set(name, value) {
      await checkEncryption();
      const encrypted = await safeStorage.encryptStringAsync(value);
      await write(read().set(name, encrypted.toString('base64')));
    },
    async remove(name) {
      const held = read();
      if (!held.delete(name)) return false;
      await write(held);
      return true;
    },
  };
}

async function decrypted(name: string, encrypted: string): Promise<string> {
  await checkEncryption();
  try {
    return (await safeStorage.decryptStringAsync(Buffer.from(encrypted, 'base64'))).result;
  } catch (error) {
    throw unavailable(
      `${name} was encrypted with another key: ${messageOf(error)}`,
      `Set ${name} anew in Settings, or as an environment variable.`,
      error,
    );
  }
}

/** Without a keychain Chromium would encrypt with a key that everybody knows. */
async function checkEncryption(): Promise<void> {
  const hasOnlyAKnownKey = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text';
  if (!hasOnlyAKnownKey && (await safeStorage.isAsyncEncryptionAvailable())) return;
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
