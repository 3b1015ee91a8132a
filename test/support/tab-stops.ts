// Goes through a screen with the Tab key, as someone without a mouse does.
import type { Page } from 'playwright-core';

/** Where the focus is: its name, and how it looks with what is around it. */
type Stop = { name: string; look: string };

/**
 * Presses Tab from the beginning of the page to its end. Returns what stands in the way: "not seen: NAME" where the
 * focus leaves no mark on the screen, "not reached: NAME" for what a mouse could use and Tab does not come to.
 */
export async function tabProblems(page: Page, limit = 250): Promise<string[]> {
  await page.evaluate(() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
  });
  const problems: string[] = [];
  let before: Stop | null = null;
  for (let count = 0; count < limit; count++) {
    await page.keyboard.press('Tab');
    const { stop, left } = await page.evaluate(look);
    if (before !== null && left === before.look) problems.push(`not seen: ${before.name}`);
    if (stop === null) break;
    before = stop;
  }
  return [...problems, ...(await page.evaluate(unreached))];
}

/** Moves on with Tab until something of this name has the focus. */
export async function tabTo(page: Page, name: RegExp, limit = 120): Promise<void> {
  const seen: string[] = [];
  for (let count = 0; count < limit; count++) {
    await page.keyboard.press('Tab');
    const found = await page.evaluate(focusedName);
    if (name.test(found)) return;
    seen.push(found);
  }
  throw new Error(`Tab does not come to ${String(name)}, but to: ${seen.join(' | ')}`);
}

function focusedName(): string {
  const node = document.activeElement as HTMLInputElement | null;
  const label = node?.labels?.[0]?.innerText;
  return (node?.ariaLabel ?? label ?? node?.innerText ?? '').replaceAll(/\s+/g, ' ').trim();
}

/** The focus now, and how the place looks that it came from, now that it has gone. Null at the end of the page. */
async function look(): Promise<{ stop: Stop | null; left: string }> {
  const memory = window as unknown as { tabbed?: Set<Element>; watched?: Element[] };
  const looks = (nodes: readonly Element[]): string =>
    JSON.stringify(
      nodes.map((node) => {
        const { outlineStyle, outlineWidth, outlineColor, borderColor, backgroundColor, boxShadow } =
          getComputedStyle(node);
        return [outlineStyle === 'none' ? '' : outlineWidth + outlineColor, borderColor, backgroundColor, boxShadow];
      }),
    );
  const tabbed = (memory.tabbed ??= new Set());
  let node = document.activeElement;
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement;
  // The editor marks itself a moment later.
  if ([node, memory.watched?.[0]].some((one) => one?.getRootNode() instanceof ShadowRoot))
    await new Promise((done) => setTimeout(done, 50));
  const left = looks(memory.watched ?? []);
  if (node === null || node === document.body || tabbed.has(node)) {
    memory.watched = [];
    return { stop: null, left };
  }
  tabbed.add(node);
  // Switches and choices show it beside a hidden input, fields with a frame on the frame.
  memory.watched = [node, node.nextElementSibling, node.parentElement, node.parentElement?.parentElement].filter(
    (one): one is Element => one instanceof Element,
  );
  const name = (node.ariaLabel ?? (node as HTMLElement).innerText).trim() || node.outerHTML.slice(0, 120);
  return { stop: { name, look: looks(memory.watched) }, left };
}

function unreached(): string[] {
  const memory = window as unknown as { tabbed?: Set<Element>; watched?: Element[] };
  const tabbed = memory.tabbed ?? new Set();
  delete memory.tabbed;
  const usable = 'a[href], button, select, textarea, summary, input:not([type="radio"]), [tabindex="0"]';
  return [...document.querySelectorAll<HTMLElement>(usable)]
    .filter((node) => node.checkVisibility() && !node.matches(':disabled, [tabindex="-1"]') && !tabbed.has(node))
    .filter((node) => node.closest('[role="grid"]') === null) // one stop; arrows go on inside
    .map((node) => `not reached: ${(node.ariaLabel ?? node.innerText).trim() || node.outerHTML.slice(0, 120)}`);
}
