// The secrets that Lorelei may need, by the name of the environment variable that also holds them.
import { closest, distance } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';

export const knownSecrets = {
  HF_TOKEN: 'Hugging Face Hub: access token, for gated or private models and uploads',
  COMET_API_KEY: 'Comet: API key',
  MLFLOW_TRACKING_TOKEN: 'MLflow: bearer token of a protected server',
  MLFLOW_TRACKING_USERNAME: 'MLflow: user name of a protected server',
  MLFLOW_TRACKING_PASSWORD: 'MLflow: password of a protected server',
};

export type SecretName = keyof typeof knownSecrets;

export const secretNames = Object.keys(knownSecrets) as SecretName[];

export const isSecretName = (name: string): name is SecretName => Object.hasOwn(knownSecrets, name);

/** The name as it is known. Throws UserError "secret-unknown". */
export function secretNamed(name: string): SecretName {
  if (isSecretName(name)) return name;
  const nearest = closest(name, secretNames);
  const isNear = distance(name, nearest) <= nearest.length / 2;
  // What is no name may be the secret itself, given in the wrong place.
  const shown = /^[A-Z_]{1,40}$/.test(name) ? name : 'of that name';
  throw new UserError({
    code: 'secret-unknown',
    message: `Lorelei uses no secret ${shown}.${isNear ? ` Did you mean ${nearest}?` : ''}`,
    fix: `Use one of ${secretNames.join(', ')}.`,
  });
}
