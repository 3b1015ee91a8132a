// The token that `hf auth login` keeps, which huggingface_hub, transformers and the like read: Lorelei only reads it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hubHome, placeGiven, type Environment } from './cache.ts';

/** HF_TOKEN_PATH, else the file in the folder of huggingface_hub; undefined where the environment forbids its use. */
export function hubTokenFile(environment: Environment): string | undefined {
  if (/^(1|on|yes|true)$/i.test(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN ?? '')) return undefined;
  return placeGiven(environment, 'HF_TOKEN_PATH') ?? join(hubHome(environment), 'token');
}

/** Undefined where there is none, or none that may be read. */
export function tokenIn(file: string | undefined): string | undefined {
  if (file === undefined || !existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    // Somebody else's, or a folder: no token for us.
    return undefined;
  }
}
