// Looks secrets up and keeps them: what the environment holds goes before what the keychain holds, and that before the
// token of hf auth login.
import type { SecretState } from '../../../preload/contract.ts';
import { UserError } from '../../errors.ts';
import { tokenIn } from '../../hub/token-file.ts';
import { isSecretName, knownSecrets, secretNamed, secretNames, type SecretName } from './known-secrets.ts';
import type { SecretStore } from './secret-store.ts';

export type Secrets = {
  /** Undefined also where the keychain could not be asked. Waits three seconds at most. */
  read: (name: string) => Promise<string | undefined>;
  /** The same, but rejects with UserError "keychain-unavailable" where the keychain could not be asked. */
  readOrThrow: (name: string) => Promise<string | undefined>;
  /** Undefined where nothing but the environment is there. */
  place: string | undefined;
  /** Who reads that place; a sentence. */
  reach: string | undefined;
  /**
   * All known secrets, never their values. `problem` says why the keychain could not be asked. Without a signal the
   * keychain may wait for a person who types a password.
   */
  list(signal?: AbortSignal): Promise<{ secrets: SecretState[]; problem?: UserError }>;
  /** The text without any value that can be read. */
  redacted(text: string, signal?: AbortSignal): Promise<string>;
  /** Throws UserError "secret-unknown", "secret-empty", "keychain-unavailable". */
  set(name: string, value: string): Promise<void>;
  /** Throws UserError "secret-unknown" or "keychain-unavailable". */
  remove(name: string): Promise<boolean>;
};

/** Shorter ones are found in any text by chance. */
const SHORTEST_REDACTED = 4;

export type SecretsOptions = {
  /** Holds the token that hf auth login keeps. */
  tokenFile?: string | undefined;
  /** How long reading waits for the keychain: it must not hold up a run's end. */
  readMs?: number;
  /** For so long a keychain that could not be asked is not asked again: a tracker may need several secrets. */
  restMs?: number;
};

export function openSecrets(
  environment: NodeJS.ProcessEnv,
  store: SecretStore | undefined,
  { tokenFile, readMs = 3000, restMs = 30_000 }: SecretsOptions = {},
): Secrets {
  let failure: { at: number; error: unknown } | undefined;
  const fromEnvironment = (name: string): string | undefined => {
    const value = environment[name];
    return value === '' ? undefined : value;
  };
  const fromLogin = (name: string): string | undefined => (name === 'HF_TOKEN' ? tokenIn(tokenFile) : undefined);
  async function readOrThrow(name: string): Promise<string | undefined> {
    const value = fromEnvironment(name);
    if (value !== undefined || !isSecretName(name)) return value;
    try {
      return (await fromStore(name)) ?? fromLogin(name);
    } catch (error) {
      const instead = fromLogin(name);
      if (instead !== undefined) return instead;
      throw error;
    }
  }
  async function fromStore(name: SecretName): Promise<string | undefined> {
    if (store === undefined) return undefined;
    if (failure !== undefined && Date.now() - failure.at < restMs) throw failure.error;
    try {
      const held = await store.get([name], AbortSignal.timeout(readMs));
      failure = undefined;
      return held[name];
    } catch (error) {
      failure = { at: Date.now(), error };
      throw error;
    }
  }
  return {
    place: store?.place,
    reach: store?.reach,
    readOrThrow,
    async read(name) {
      try {
        return await readOrThrow(name);
      } catch (error) {
        if (error instanceof UserError) return undefined;
        throw error;
      }
    },
    async list(signal) {
      const missing = secretNames.filter((name) => fromEnvironment(name) === undefined);
      let held: Record<string, string> | undefined;
      let problem: UserError | undefined;
      try {
        held = (await store?.get(missing, signal)) ?? {};
        failure = undefined;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        problem = error;
      }
      const secrets = secretNames.map((name): SecretState => {
        const known = { name, title: knownSecrets[name] };
        const given = fromEnvironment(name);
        if (given !== undefined) return { ...known, source: 'environment', ...endingOf(given) };
        const kept = held?.[name];
        if (kept !== undefined) return { ...known, source: 'keychain', ...endingOf(kept) };
        const login = fromLogin(name);
        if (login !== undefined) return { ...known, source: 'login', ...endingOf(login) };
        return { ...known, source: held === undefined ? 'unknown' : 'none' };
      });
      return { secrets, ...(problem && { problem }) };
    },
    async redacted(text, signal) {
      const given = secretNames.map(fromEnvironment).filter((value) => value !== undefined);
      const held = await store?.get(secretNames, signal).catch(() => undefined);
      return [...given, ...secretNames.flatMap((name) => fromLogin(name) ?? []), ...Object.values(held ?? {})]
        .filter((value) => value.length >= SHORTEST_REDACTED)
        .reduce((shown, value) => shown.replaceAll(value, '***'), text);
    },
    async set(name, value) {
      const known = secretNamed(name);
      if (value.trim() === '') throw emptySecret(known);
      await there(store, known).set(known, value.trim());
      failure = undefined;
    },
    async remove(name) {
      const known = secretNamed(name);
      return there(store, known).remove(known);
    },
  };
}

/** Short values are passwords that four characters would give away. */
function endingOf(value: string): { ending?: string } {
  return value.length >= 20 ? { ending: value.slice(-4) } : {};
}

function emptySecret(name: SecretName): UserError {
  return new UserError({
    code: 'secret-empty',
    message: `Nothing was given for ${name}.`,
    fix: 'Enter its value, or remove it.',
    commandLine: `Give its value on standard input. lorelei secrets remove ${name} forgets it.`,
  });
}

function there(store: SecretStore | undefined, name: SecretName): SecretStore {
  if (store !== undefined) return store;
  throw new UserError({
    code: 'keychain-unavailable',
    message: `There is no keychain to keep ${name} in: LORELEI_KEYCHAIN is off.`,
    fix: `Set the environment variable ${name}, or unset LORELEI_KEYCHAIN.`,
  });
}
