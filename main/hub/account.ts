// Whose token it is, and whether it may write: asked before anything is made ready for an upload.
import { whoAmI } from '@huggingface/hub';
import { UserError } from '../errors.ts';
import type { HubAccess } from './access.ts';
import { inTerminal, keepIt, notTheHub, withHubProblems } from './problems.ts';

export type HubAccount = {
  /** "ada": the namespace of the account's own repositories. */
  name: string;
  /** Namespaces that it may belong to besides; a token with chosen rights may show only some. */
  organizations: string[];
  /** As the Hub calls it: "write", "read", "fineGrained"; null where it does not say. */
  role: string | null;
};

/** The library asks for a token where HubAccess's fetch brings it; this one is never sent. */
export const tokenOfFetch = { accessToken: 'hf_' } as const;

/** Throws UserError "hub-token-missing", "hub-token-refused", "hub-answer-invalid" and those of hubProblem. */
export async function hubAccount(access: HubAccess): Promise<HubAccount> {
  if (!access.hasToken)
    throw new UserError({
      code: 'hub-token-missing',
      message: 'An upload to the Hugging Face Hub needs a token, and none is set.',
      ...makeToken(access),
    });
  return withHubProblems(access, undefined, async () => {
    try {
      const who = await whoAmI({ hubUrl: access.url, fetch: access.fetch, ...tokenOfFetch });
      return {
        name: who.name,
        organizations: who.type === 'user' ? who.orgs.map(({ name }) => name) : [],
        role: who.auth.accessToken?.role ?? null,
      };
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError)
        throw notTheHub(access, 'it does not say whose token it is', error);
      throw error;
    }
  });
}

/** Throws UserError "hub-token-read-only". */
export function requireWrite(access: HubAccess, { name, role }: HubAccount): void {
  if (role !== 'read') return;
  throw new UserError({
    code: 'hub-token-read-only',
    message: `The token of ${name} may only read from the Hugging Face Hub.`,
    ...makeToken(access),
  });
}

function makeToken({ url }: HubAccess): { fix: string; commandLine: string | undefined } {
  const fix = `Make one of the type Write at ${url}/settings/tokens/new?tokenType=write, then ${keepIt}.`;
  return { fix, commandLine: inTerminal(fix) };
}
