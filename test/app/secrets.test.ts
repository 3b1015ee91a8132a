// Looking secrets up: which place goes first, what is shown of a value, and keychains that are locked or do not answer.
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { UserError } from '../../main/errors.ts';
import { systemKeychain } from '../../main/app/secrets/keychain.ts';
import { openSecrets } from '../../main/app/secrets/secrets.ts';
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

test('LORELEI_KEYCHAIN=off leaves the environment alone', async () => {
  const launch = () => Promise.reject(new Error('asked all the same'));
  expect(systemKeychain(launch, { LORELEI_KEYCHAIN: 'off' })).toBeUndefined();
  await expect(openSecrets({}, undefined).set('HF_TOKEN', 'x')).rejects.toMatchObject({ code: 'keychain-unavailable' });
});
