// Where the window was when it was last closed, kept in a file, and whether that place is still on a screen.
import { screen, type BrowserWindow, type Rectangle } from 'electron';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const kept = z.object({
  x: z.int(),
  y: z.int(),
  width: z.int().min(1),
  height: z.int().min(1),
  isMaximized: z.boolean(),
});
export type WindowPlace = z.infer<typeof kept>;

/** So much of it must be on a screen that a person can take hold of it. */
const HOLD = 100;

/** Undefined the first time, and where the screen that it was on is gone. */
export function readPlace(file: string): WindowPlace | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const place = kept.safeParse(jsonOf(text)).data;
  return place !== undefined && screen.getAllDisplays().some(({ workArea }) => holds(workArea, place))
    ? place
    : undefined;
}

export function keepPlace(file: string, window: BrowserWindow): void {
  const place: WindowPlace = { ...window.getNormalBounds(), isMaximized: window.isMaximized() };
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(place));
  } catch (error) {
    console.error(error); // the window opens in the middle next time
  }
}

function holds(area: Rectangle, place: WindowPlace): boolean {
  const across = Math.min(area.x + area.width, place.x + place.width) - Math.max(area.x, place.x);
  const titleBarIsIn = place.y >= area.y && place.y + HOLD / 2 <= area.y + area.height;
  return across >= HOLD && titleBarIsIn;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut short when the machine went down
  }
}
