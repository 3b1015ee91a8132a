// Looking secrets up: which place goes first, what is shown of a value, and keychains that are locked or do not answer.
import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { systemKeychain } from '../../main/app/secrets/keychain.ts';
import { openSecrets } from '../../main/app/secrets/secrets.ts';
import { hubTokenFile } from '../../main/hub/token-file.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { storeOf } from '../support/secret-store.ts';

const long = 'abcdefghijklmnopqrstuvwx1234';

test('the environment goes before the keychain, and an empty variable is none', async () => {
  const store = storeOf({ COMET_API_KEY: 'kept', HF_TOKEN: 'kept too' });
  const secrets = openSecrets({ COMET_API_KEY: 'given', HF_TOKEN: '' }, store);
  expect(await secrets.read('COMET_API_KEY')).toBe('given');
  expect(await secrets.read('HF_TOKEN')).toBe('kept too');
  expect(await secrets.read('MLFLOW_TRACKING_TOKEN')).toBeUndefined();
});

test('a list shows where secrets are, and at most the ending of a long one', async () => {
  const secrets = openSecrets({ HF_TOKEN: 'hf_short' }, storeOf({ COMET_API_KEY: long }));
  const { secrets: states, problem } = await secrets.list();
  expect(problem).toBeUndefined();
  expect(states.filter(({ source }) => source !== 'none')).toMatchObject([
    { name: 'HF_TOKEN', source: 'environment' },
    { name: 'COMET_API_KEY', source: 'keychain', ending: '1234' },
  ]);
  expect(JSON.stringify(states)).not.toMatch(/hf_short|abcdef/);
});

test('what is kept is trimmed, and can be removed once', async () => {
  const held = {};
  const secrets = openSecrets({}, storeOf(held));
  await secrets.set('COMET_API_KEY', `${long}\n`);
  expect(held).toEqual({ COMET_API_KEY: long });
  expect([await secrets.remove('COMET_API_KEY'), await secrets.remove('COMET_API_KEY')]).toEqual([true, false]);
  await expect(secrets.set('COMET_API_KEY', ' \n')).rejects.toMatchObject({ code: 'secret-empty' });
  await expect(secrets.set('COMET_KEY', 'x')).rejects.toThrow('Did you mean COMET_API_KEY?');
});

const locked = new UserError({ code: 'keychain-unavailable', message: 'locked', fix: 'unlock it' });

test('a locked keychain holds nothing, says why to those who ask, and is not asked at once again', async () => {
  let asked = 0;
  const store = systemKeychain(() => {
    asked += 1;
    return Promise.reject(locked);
  }, {});
  const secrets = openSecrets({}, store);
  expect(await secrets.read('COMET_API_KEY')).toBeUndefined();
  await expect(secrets.readOrThrow('HF_TOKEN')).rejects.toBe(locked);
  expect(asked).toBe(1);
  const { secrets: states, problem } = await secrets.list();
  expect([states[0]?.source, problem?.message, asked]).toEqual(['unknown', 'locked', 2]);
});

test('a keychain that was unlocked is asked again after a while', async () => {
  let isLocked = true;
  const store = storeOf({ HF_TOKEN: 'kept' });
  const once = { ...store, get: (names: readonly string[]) => (isLocked ? Promise.reject(locked) : store.get(names)) };
  const secrets = openSecrets({}, once, { restMs: 0 });
  expect(await secrets.read('HF_TOKEN')).toBeUndefined();
  isLocked = false;
  expect(await secrets.read('HF_TOKEN')).toBe('kept');
});

test('a run does not wait for a keychain that never answers', async () => {
  const silent = systemKeychain(
    (_errand, _input, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    {},
  );
  const secrets = openSecrets({}, silent, { readMs: 50 });
  await expect(secrets.readOrThrow('COMET_API_KEY')).rejects.toThrow('cannot be used (it did not answer in time)');
});

test('an error does not repeat what was to be kept', async () => {
  const store = systemKeychain(() => Promise.reject(new Error(`bad value ${long}`)), {});
  const error: unknown = await openSecrets({}, store)
    .set('COMET_API_KEY', long)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ message: expect.stringContaining('(bad value ***)') as string });
  expect(inspect(error)).not.toContain(long);
});

test.each(['hf_AbCdEf', long])('a name that may be a secret (%s) is not repeated', async (name) => {
  const error: unknown = await openSecrets({}, storeOf({}))
    .remove(name)
    .catch((thrown: unknown) => thrown);
  expect(inspect(error)).not.toContain(name);
});

describe('what hf auth login keeps', () => {
  const folder = tempFolder();
  const tokenFile = (): string => join(folder.path, 'token');
  beforeEach(() => writeFileSync(tokenFile(), 'hf_of_the_login_abcdef1234\n'));

  test('is read after the environment and the keychain, and nothing is ever written there', async () => {
    const held: Record<string, string> = {};
    const secrets = openSecrets({}, storeOf(held), { tokenFile: tokenFile() });
    expect(await secrets.read('HF_TOKEN')).toBe('hf_of_the_login_abcdef1234');
    expect(await secrets.read('COMET_API_KEY')).toBeUndefined();
    const { secrets: states } = await secrets.list();
    expect(states.find(({ name }) => name === 'HF_TOKEN')).toMatchObject({ source: 'login', ending: '1234' });
    expect(await secrets.redacted('it is hf_of_the_login_abcdef1234.')).toBe('it is ***.');
    expect(await secrets.remove('HF_TOKEN')).toBe(false);
    await secrets.set('HF_TOKEN', 'kept');
    expect(await secrets.read('HF_TOKEN')).toBe('kept');
    expect(readFileSync(tokenFile(), 'utf8')).toBe('hf_of_the_login_abcdef1234\n');
    expect(await openSecrets({ HF_TOKEN: 'given' }, storeOf(held), { tokenFile: tokenFile() }).read('HF_TOKEN')).toBe(
      'given',
    );
  });

  test('serves where there is no keychain, or a locked one', async () => {
    const store = systemKeychain(() => Promise.reject(locked), {});
    for (const one of [store, undefined])
      expect(await openSecrets({}, one, { tokenFile: tokenFile() }).readOrThrow('HF_TOKEN')).toMatch(/^hf_of/);
    writeFileSync(tokenFile(), '\n');
    expect(await openSecrets({}, undefined, { tokenFile: tokenFile() }).read('HF_TOKEN')).toBeUndefined();
    expect(await openSecrets({}, undefined, { tokenFile: folder.path }).read('HF_TOKEN')).toBeUndefined();
  });

  test('lies where huggingface_hub has it, unless that is forbidden', () => {
    expect(hubTokenFile({ HF_HOME: '/hf' })).toBe('/hf/token');
    expect(hubTokenFile({ HF_HOME: '/hf', HF_TOKEN_PATH: '~/t' })).toBe(join(homedir(), 't'));
    expect(hubTokenFile({ XDG_CACHE_HOME: '/xdg' })).toBe('/xdg/huggingface/token');
    expect(hubTokenFile({ HF_HOME: '/hf', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' })).toBeUndefined();
  });
});

test('LORELEI_KEYCHAIN=off leaves the environment alone', async () => {
  const launch = () => Promise.reject(new Error('asked all the same'));
  expect(systemKeychain(launch, { LORELEI_KEYCHAIN: 'off' })).toBeUndefined();
  await expect(openSecrets({}, undefined).set('HF_TOKEN', 'x')).rejects.toMatchObject({ code: 'keychain-unavailable' });
});
