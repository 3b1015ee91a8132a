// What refusals mean when something is written to the Hub; what can happen to reads, too, is left to problems.ts.
import { HubApiError, InvalidApiResponseFormatError } from '@huggingface/hub';
import { hasSystemCode, messageOf, UserError } from '../errors.ts';
import { HubRefusal, HubSilence, type HubAccess } from './access.ts';
import type { HubAccount } from './account.ts';
import { hubProblem, isPassing, notTheHub } from './problems.ts';

/** The error as one for a person; a bug comes back unchanged. */
export function uploadProblem(error: unknown, access: HubAccess, account: HubAccount, repo: string): unknown {
  const told = (code: string, message: string, fix: string): UserError =>
    new UserError({ code, message, fix }, { cause: error });
  const again = 'Try again: large files that have arrived are not sent a second time.';
  if (error instanceof HubSilence)
    return told('hub-unreachable', `The line to the Hugging Face Hub (${access.url}) broke: ${error.message}.`, again);
  if (
    hasSystemCode(error, 'ENOENT', 'EACCES', 'EIO') ||
    (error instanceof DOMException && error.name === 'NotReadableError')
  )
    return told(
      'upload-unreadable',
      `A file changed or went away while it was uploaded (${messageOf(error)}).`,
      'Leave the folder alone during an upload, then try again.',
    );
  if (error instanceof InvalidApiResponseFormatError || error instanceof SyntaxError)
    return notTheHub(access, error.message, error);
  const refusal = refusalIn(error);
  if (refusal === undefined) return hubProblem(error, access, { kind: 'model', id: repo });
  const { status, words } = refusal;
  // The Hub answers a full account with 403, as it does a missing right.
  if (status === 402 || /storage (limit|patterns|quota)|more storage|quota of .*storage/i.test(words))
    return told(
      'hub-storage-full',
      `The Hugging Face Hub has no room left for ${repo}: ${words}`,
      `Delete what is no longer needed, or see ${access.url}/settings/billing. Public repositories have more room than private ones.`,
    );
  if (status === 413 || /too (large|big)|larger than|maximum .*size|size limit/i.test(words))
    return told(
      'hub-file-too-large',
      `The Hugging Face Hub refused a file of ${repo} as too large: ${words}`,
      'Export the merged model in smaller files: 2GB at most, for example.',
    );
  if (refusal.isStorage)
    return told(
      'hub-storage-refused',
      `The host that keeps the Hub's large files refused with status ${status}: ${words}`,
      again,
    );
  if (status === 403)
    return told(
      'hub-write-refused',
      `The Hugging Face Hub does not let ${account.name} write to ${repo}: ${words}`,
      `${rights(account, repo)} Tokens are made at ${access.url}/settings/tokens.`,
    );
  if (status === 400 || status === 422)
    return told(
      'hub-refused',
      `The Hugging Face Hub refused ${repo}: ${words}`,
      'Correct what it names, then try again.',
    );
  return hubProblem(error, access, { kind: 'model', id: repo });
}

type Refusal = { status: number; words: string; isStorage: boolean };

function refusalIn(error: unknown): Refusal | undefined {
  if (error instanceof HubRefusal && !isPassing(error))
    return { status: error.status, words: error.message, isStorage: !error.isHub };
  // What an answer with status 200 says of single files.
  if (error instanceof HubApiError)
    return { status: error.statusCode, words: error.message.replace(/ - Request ID: .*$/, ''), isStorage: false };
  return undefined;
}

function rights({ name, organizations, role }: HubAccount, repo: string): string {
  const [namespace = ''] = repo.split('/');
  if (namespace !== name && !organizations.includes(namespace) && role !== 'fineGrained')
    return `${namespace} is neither that account nor one of its organizations${organizations.length === 0 ? '' : ` (${organizations.join(', ')})`}: upload to ${name}/… instead.`;
  if (role === 'fineGrained')
    return `A token with chosen rights needs "Write access to contents/settings" for ${namespace}; one of the type Write has it.`;
  return 'Ask an administrator of the organization for the right to write, or use a token of the type Write.';
}
