// Pages of the web that a window may have opened in the person's browser: a page that was taken over must not be able to
// start programs through addresses of other kinds, or to carry data anywhere.
import { UserError } from '../errors.ts';
import { hubAccess } from '../hub/access.ts';
import type { App } from './app.ts';

/** With the sites below them. */
const sites = ['huggingface.co', 'hf.co', 'github.com', 'comet.com'];

/** Whether a page's link may be opened: https on a known site, or on the Hub that HF_ENDPOINT names. */
export function isAllowedLink(url: string, environment: NodeJS.ProcessEnv = process.env): boolean {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== '' || parsed.password !== '') return false;
  const ownHub = URL.parse(hubAccess(environment, undefined).url);
  if (ownHub !== null && /^https?:$/.test(ownHub.protocol) && parsed.origin === ownHub.origin) return true;
  const { protocol, hostname, port } = parsed;
  return (
    protocol === 'https:' && port === '' && sites.some((site) => hostname === site || hostname.endsWith(`.${site}`))
  );
}

/** Throws UserError "link-not-allowed", or "no-browser-here" where the page itself is in a browser. */
export async function openExternal({ openInBrowser }: Pick<App, 'openInBrowser'>, url: string): Promise<void> {
  if (!isAllowedLink(url)) {
    throw new UserError({
      code: 'link-not-allowed',
      message: `Lorelei does not open ${url.slice(0, 200)}: it is on none of the sites that it links to (${sites.join(', ')}).`,
      fix: 'If you trust this address, copy it into your browser.',
    });
  }
  if (openInBrowser === undefined) {
    throw new UserError({
      code: 'no-browser-here',
      message: 'This page is in a browser already, and Lorelei may run on a machine without one.',
      fix: 'Open the link in a new tab of this browser.',
    });
  }
  await openInBrowser(URL.parse(url)?.href ?? url);
}
