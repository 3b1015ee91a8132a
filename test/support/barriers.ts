// What keeps people from using what is on the screen: what axe finds in light and dark, and what is wider than the window.
import type { Page } from 'playwright-core';
import { axeProblems } from './window-scenario.ts';

/** "dark: rule: element", or "wider: element". Leaves the page in its light theme. */
export async function barriers(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await axeProblems(page)).map((problem) => `${colorScheme}: ${problem}`));
  }
  const wide = await page.evaluate(() =>
    [
      document.documentElement,
      ...document.querySelectorAll('main, [role="region"][aria-label="Tour"], [role="dialog"]'),
    ]
      .filter((node) => node.scrollWidth > node.clientWidth)
      .map((node) => `wider by ${node.scrollWidth - node.clientWidth}: ${node.tagName.toLowerCase()}`),
  );
  return [...found, ...wide];
}
