// Links that lead out of the page. A browser opens them in a tab of its own; the desktop app's window opens nothing, so
// there the program is asked to open them in the person's browser.
import { host } from './host.ts';
import { toasts } from './toasts.svelte.ts';

export function openLinksOutside(): void {
  if (window.lorelei === undefined) return;
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[target="_blank"]') : null;
    if (link === null || event.defaultPrevented) return;
    event.preventDefault();
    void open(link.href);
  });
}

async function open(url: string): Promise<void> {
  const answer = await host.call('host.openExternal', { url });
  if (!answer.ok) toasts.show(`${answer.error.message} ${answer.error.fix}`);
}
