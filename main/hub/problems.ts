// What the Hub's refusals mean to a person, and what to do about each.
import { hasSystemCode, messageOf, UserError } from '../errors.ts';
import { HubRefusal, HubSilence, type HubAccess } from './access.ts';
import type { RepoKind } from './cache.ts';

/** Every door of Lorelei reads its own store. */
export const keepIt = 'save it as HF_TOKEN under Settings';

/** The same in a terminal, where it says how to keep a token. */
export function inTerminal(fix: string): string | undefined {
  const commandLine = 'save it with lorelei secrets set HF_TOKEN';
  return fix.includes(keepIt) ? fix.replace(keepIt, commandLine) : undefined;
}

/** The error as one for a person; what is no doing of the Hub or the disk comes back unchanged. */
export function hubProblem(
  error: unknown,
  { url, hasToken }: HubAccess,
  repo?: { id: string; kind: RepoKind },
): unknown {
  const told = (code: string, message: string, fix: string): UserError =>
    new UserError({ code, message, fix, commandLine: inTerminal(fix) }, { cause: error });
  if (error instanceof HubSilence)
    return told(
      'hub-unreachable',
      `The Hugging Face Hub (${url}) cannot be reached: ${error.message}.`,
      'Check the connection to the internet, then try again. Models on this machine work without it.',
    );
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT'))
    return told(
      'disk-full',
      'The disk of the Hugging Face cache became full during the download.',
      'Free some space, then resume: what came so far is kept. HF_HOME moves the cache to another disk.',
    );
  if (hasSystemCode(error, 'EACCES', 'EPERM', 'EROFS'))
    return told(
      'cache-not-writable',
      `The Hugging Face cache cannot be written (${messageOf(error)}).`,
      'Make it writable, or set HF_HOME to another folder.',
    );
  if (!(error instanceof HubRefusal)) return error;
  const page = repo && `${url}/${repo.kind === 'dataset' ? 'datasets/' : ''}${repo.id}`;
  const { status, code } = error;
  if (page !== undefined && repo !== undefined && code === 'GatedRepo')
    return hasToken
      ? told(
          'hub-gated',
          `${repo.id} is gated: the account of your token has not been let in.`,
          `Accept its conditions at ${page} with that account, then try again. Some authors look at each request, which can take days.`,
        )
      : told(
          'hub-gated',
          `${repo.id} is gated: its authors give it only to those who accept its conditions.`,
          `Accept them at ${page}, make a token at ${url}/settings/tokens, ${keepIt}. Then try again.`,
        );
  if (repo !== undefined && (code === 'RepoNotFound' || code === 'RevisionNotFound' || status === 404))
    return told(
      'hub-not-found',
      code === 'RevisionNotFound'
        ? `${repo.id} on the Hugging Face Hub has no such revision.`
        : `There is no ${repo.kind} ${repo.id} on the Hugging Face Hub, or it is private.`,
      hasToken
        ? 'Check its name. A private one opens only to a token of an account that may read it.'
        : `Check its name. A private one needs a token: ${keepIt}.`,
    );
  if (status === 401)
    return told(
      'hub-token-refused',
      hasToken ? 'The Hugging Face Hub does not accept your token.' : 'The Hugging Face Hub wants a token for this.',
      `Make a token at ${url}/settings/tokens and ${keepIt}.`,
    );
  if (status === 403)
    return told(
      'hub-forbidden',
      `The Hugging Face Hub does not let you read ${repo?.id ?? 'this'}: ${error.message}`,
      'A fine-grained token needs the right to read this repository; for gated ones, "read access to public gated repositories".',
    );
  if (isPassing(error))
    return told(
      'hub-busy',
      status === 429
        ? 'The Hugging Face Hub asks to slow down (too many requests).'
        : `The Hugging Face Hub has trouble of its own (status ${status}).`,
      'Wait a few minutes, then try again.',
    );
  return told(
    'hub-refused',
    `The Hugging Face Hub refused with status ${status}: ${error.message}`,
    'Try again; if it stays so, look at the repository in a browser.',
  );
}

/** True for what may go away by itself. */
export function isPassing(error: unknown): boolean {
  if (error instanceof HubSilence) return true;
  return error instanceof HubRefusal && (error.status === 429 || error.status === 408 || error.status >= 500);
}

/** Runs `work`; what the Hub refuses in it becomes a UserError. */
export async function withHubProblems<T>(
  access: HubAccess,
  repo: { id: string; kind: RepoKind } | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw hubProblem(error, access, repo);
  }
}

/** For answers without sense. */
export function notTheHub({ url }: Pick<HubAccess, 'url'>, what: string, cause?: unknown): UserError {
  const details = {
    code: 'hub-answer-invalid',
    message: `${url} answered with something that the Hugging Face Hub never says: ${what}.`,
    fix: 'Check HF_ENDPOINT if it is set; else a proxy may stand between.',
  };
  return new UserError(details, { cause });
}
