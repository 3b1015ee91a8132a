// Renders the mark (resources/icons/icon.svg) to what the systems want as icons: PNG for Linux and the tray, ICO for
// Windows, ICNS for macOS. `npm run build:icons`; the results are committed, so that packaging needs no browser.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openChromium } from './chromium.ts';

const folder = join(import.meta.dirname, '../../resources/icons');

/** Types of ICNS entries that hold a PNG of this size. */
const icnsTypes: [string, number][] = [
  ['icp4', 16],
  ['icp5', 32],
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
];
const icoSizes = [16, 24, 32, 48, 64, 128, 256];
const linuxSizes = [16, 32, 48, 64, 128, 256, 512];

async function render(page: Page, svg: string, size: number): Promise<Buffer> {
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
  return page.screenshot({ omitBackground: true });
}

/** Microsoft's container: a header of 6 bytes, 16 for each image, then the images. 0 stands for 256. */
function ico(images: Map<number, Buffer>): Buffer {
  const sizes = [...images.keys()];
  const head = Buffer.alloc(6 + 16 * sizes.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(sizes.length, 4);
  let offset = head.length;
  sizes.forEach((size, index) => {
    const at = 6 + 16 * index;
    const bytes = images.get(size)?.length ?? 0;
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(bytes, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += bytes;
  });
  return Buffer.concat([head, ...images.values()]);
}

/** Apple's container: "icns" and the length of all, then each image with its type and length. */
function icns(images: [string, Buffer][]): Buffer {
  const part = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(body.length + 8, 4);
    return Buffer.concat([head, body]);
  };
  return part('icns', Buffer.concat(images.map(([type, png]) => part(type, png))));
}

const { context, close } = await openChromium();
try {
  const page = await context.newPage();
  const svg = readFileSync(join(folder, 'icon.svg'), 'utf8');
  const pngs = new Map<number, Buffer>();
  for (const size of new Set([...linuxSizes, ...icoSizes, ...icnsTypes.map(([, size]) => size)]))
    pngs.set(size, await render(page, svg, size));
  const png = (size: number): Buffer => pngs.get(size) ?? Buffer.alloc(0);

  mkdirSync(join(folder, 'linux'), { recursive: true });
  for (const size of linuxSizes) writeFileSync(join(folder, 'linux', `${size}x${size}.png`), png(size));
  writeFileSync(join(folder, 'icon.ico'), ico(new Map(icoSizes.map((size) => [size, png(size)]))));
  writeFileSync(join(folder, 'icon.icns'), icns(icnsTypes.map(([type, size]) => [type, png(size)])));
  writeFileSync(join(folder, 'tray.png'), png(16));
  writeFileSync(join(folder, 'tray@2x.png'), png(32));
} finally {
  await close();
}
