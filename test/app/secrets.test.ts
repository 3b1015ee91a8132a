// Looking secrets up: which place goes first, what is shown of a value, and keychains that are locked or do not answer.
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

test('a locked keychain holds nothing for a run, and is told to a person', async () => {
  const locked = systemKeychain(
    () => Promise.reject(new UserError({ code: 'keychain-unavailable', message: 'locked', fix: 'unlock it' })),
    {},
  );
  const secrets = openSecrets({}, locked);
  expect(await secrets.read('COMET_API_KEY')).toBeUndefined();
  const { secrets: states, problem } = await secrets.list();
  expect([states[0]?.source, problem?.message]).toEqual(['unknown', 'locked']);
});

test('a run does not wait for a keychain that never answers', async () => {
  const silent = systemKeychain(
    (_errand, _input, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
    {},
  );
  const before = Date.now();
  expect(await openSecrets({}, silent).read('COMET_API_KEY')).toBeUndefined();
  expect(Date.now() - before).toBeLessThan(10_000);
});

test('LORELEI_KEYCHAIN=off leaves the environment alone', async () => {
  const launch = () => Promise.reject(new Error('asked all the same'));
  expect(systemKeychain(launch, { LORELEI_KEYCHAIN: 'off' })).toBeUndefined();
  await expect(openSecrets({}, undefined).set('HF_TOKEN', 'x')).rejects.toMatchObject({ code: 'keychain-unavailable' });
});
