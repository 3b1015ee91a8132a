// The keychain of the system (Secret Service on Linux, Keychain on macOS, Credential Manager on Windows) for hosts that
// are Node. The native library talks to other programs and may wait for them without end, so it lives in an errand.
import { messageOf, UserError } from '../../errors.ts';
import type { LaunchErrand } from '../errand.ts';
import type { SecretStore } from './secret-store.ts';

const SERVICE = 'lorelei';

/** Without this the library falls back to the kernel's keyring, which forgets everything when the machine restarts. */
const lasting = { linux: { store: 'secret-service' } } as const;

/** Long enough to type a password when the keychain asks for it, where a person waits; others give a signal. */
const WAIT_MS = 60_000;

export type KeychainRequest =
  | { action: 'get'; names: readonly string[] }
  | { action: 'set'; name: string; value: string }
  | { action: 'remove'; name: string };

/** What it held, or whether it did what was asked. */
type KeychainAnswer = { held: Record<string, string>; done: boolean };

const places: Partial<Record<NodeJS.Platform, string>> = {
  darwin: 'the macOS keychain',
  win32: 'the Windows Credential Manager',
};
const place = places[process.platform] ?? 'the keychain of the desktop (Secret Service)';

/** The store, its library in processes of their own. `LORELEI_KEYCHAIN=off` means that there is none. */
export function systemKeychain(launchErrand: LaunchErrand, environment: NodeJS.ProcessEnv): SecretStore | undefined {
  if (environment['LORELEI_KEYCHAIN'] === 'off') return undefined;
  const ask = async (request: KeychainRequest, given?: AbortSignal): Promise<KeychainAnswer> => {
    const signal = given ?? AbortSignal.timeout(WAIT_MS);
    try {
      return await launchErrand('keychain', request, { onProgress: () => undefined, signal });
    } catch (error) {
      if (error instanceof UserError && error.code === 'keychain-unavailable') throw error;
      throw unavailable(request, signal.aborted ? 'it did not answer in time' : messageOf(error), error);
    }
  };
  return {
    place,
    reach: 'The command line and lorelei serve share it; the desktop app keeps its own.',
    get: async (names, signal) => (await ask({ action: 'get', names }, signal)).held,
    async set(name, value) {
      await ask({ action: 'set', name, value });
    },
    remove: async (name) => (await ask({ action: 'remove', name })).done,
  };
}

/** In the errand's process. Throws UserError "keychain-unavailable". */
export async function askKeychain(request: KeychainRequest): Promise<KeychainAnswer> {
  const held: Record<string, string> = {};
  try {
    const { AsyncEntry } = await import('@napi-rs/keyring');
    const entry = (name: string): InstanceType<typeof AsyncEntry> => new AsyncEntry(SERVICE, name, lasting);
    if (request.action === 'remove') return { held, done: await entry(request.name).deletePassword() };
    if (request.action === 'set') await entry(request.name).setPassword(request.value);
    else {
      for (const name of request.names) {
        const value = await entry(name).getPassword();
        if (value !== null) held[name] = value;
      }
    }
    return { held, done: true };
  } catch (error) {
    throw unavailable(request, messageOf(error), error);
  }
}

function unavailable(request: KeychainRequest, reason: string, cause: unknown): UserError {
  const names = request.action === 'get' ? request.names : [request.name];
  const instead = names.length === 1 ? `the environment variable ${names[0]}` : 'secrets as environment variables';
  // Whatever the native library says of a value that it was given.
  const safe = request.action === 'set' ? reason.replaceAll(request.value, '***') : reason;
  return new UserError(
    {
      code: 'keychain-unavailable',
      message: `${place[0]?.toUpperCase()}${place.slice(1)} cannot be used (${safe}).`,
      fix: `Set ${instead} instead, or unlock the keychain and try again. A machine without a desktop usually has none.`,
    },
    safe === reason ? { cause } : {},
  );
}
