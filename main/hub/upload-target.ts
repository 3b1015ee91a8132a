// Where an upload goes: the repository's name as a person typed it, made whole and checked, and whether it is there.
import { modelInfo } from '@huggingface/hub';
import { UserError } from '../errors.ts';
import { HubRefusal, type HubAccess } from './access.ts';
import type { HubAccount } from './account.ts';
import { withHubProblems } from './problems.ts';

export type UploadTarget = {
  /** "ada/otter" */
  repo: string;
  /** Its page. */
  url: string;
  /** Null where the repository has to be made first. */
  found: { isPrivate: boolean } | null;
};

const namespaceShape = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,40}[A-Za-z0-9])?$/;

/** "otter" is "ada/otter" for ada, as for huggingface_hub. Throws UserError "hub-name-invalid". */
export function wholeRepoName(typed: string, { name: account }: HubAccount): string {
  const text = typed.trim();
  const parts = text.split('/');
  const [namespace = '', name = ''] = parts.length === 1 ? [account, text] : parts;
  const problem =
    parts.length > 2
      ? 'it has more than one /'
      : text === ''
        ? 'it is empty'
        : !namespaceShape.test(namespace) || namespace.includes('--')
          ? `"${namespace}" is no name of an account or an organization`
          : nameProblem(name);
  if (problem === undefined) return `${namespace}/${name}`;
  throw new UserError({
    code: 'hub-name-invalid',
    message: `"${text.slice(0, 200)}" cannot be the name of a repository on the Hugging Face Hub: ${problem}.`,
    fix: `Write ${account}/ and a name of letters, digits, - _ and . such as ${account}/my-adapter.`,
  });
}

/** The Hub's rules, which huggingface_hub has in validate_repo_id. */
function nameProblem(name: string): string | undefined {
  if (name === '') return 'nothing comes after the /';
  if (name.length > 96) return 'the name is longer than 96 characters';
  const other = /[^\w.-]/.exec(name)?.[0];
  if (other !== undefined) return `the name has ${JSON.stringify(other)} in it`;
  if (/^[.-]|[.-]$/.test(name)) return 'the name begins or ends with - or .';
  if (/--|\.\./.test(name)) return 'the name has -- or .. in it';
  if (name.endsWith('.git') || name.endsWith('.ipynb')) return 'the name ends with .git or .ipynb';
  return undefined;
}

/** Throws UserError "hub-name-invalid" and those of hubProblem. */
export async function uploadTarget(access: HubAccess, account: HubAccount, typed: string): Promise<UploadTarget> {
  const repo = wholeRepoName(typed, account);
  return { repo, url: `${access.url}/${repo}`, found: await findRepo(access, repo) };
}

/** Null where there is none, or none that this token may see: the Hub does not tell them apart. */
export function findRepo(access: HubAccess, repo: string): Promise<UploadTarget['found']> {
  return withHubProblems(access, { kind: 'model', id: repo }, async () => {
    try {
      const info = await modelInfo({ name: repo, hubUrl: access.url, fetch: access.fetch });
      // One that was renamed answers under its new name; an upload would go there, too.
      return { isPrivate: info.private };
    } catch (error) {
      if (error instanceof HubRefusal && (error.status === 404 || error.code === 'RepoNotFound')) return null;
      throw error;
    }
  });
}
