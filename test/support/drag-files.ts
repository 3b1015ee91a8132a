// Drags files of the disk into a page and drops them, as from a file manager: Playwright knows no such hand, the browser's
// DevTools do.
import type { Locator, Page } from 'playwright-core';

/** `look` is called while they are held over the place. */
export async function dragFiles(
  page: Page,
  files: readonly string[],
  place: Locator,
  look: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await place.scrollIntoViewIfNeeded();
  const box = await place.boundingBox();
  if (!box) throw new Error('there is nothing to drop on');
  const point = { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + Math.min(box.height / 2, 200)) };
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...point, data });
  await look();
  await session.send('Input.dispatchDragEvent', { type: 'drop', ...point, data });
  await session.detach();
}
