// Letters as strokes, for the few words and numbers of a picture: no font file is needed, and any size is sharp.
import type { Point } from './canvas.ts';

/**
 * Letter -> its width, then its strokes separated by ";". A stroke is a list of points "x,y" and of arcs
 * "(centre x, centre y, radius x, radius y, from, to)" in degrees, 0 to the right and 90 downwards. Capitals and
 * digits are 10 high and stand on y = 10.
 */
const letters: Record<string, [width: number, strokes: string]> = {
  '0': [6, '(3,5,3,5,0,360)'],
  '1': [4, '0.8,2 3.2,0 3.2,10'],
  '2': [6, '(3,3,3,3,200,390) 0,10 6,10'],
  '3': [6, '(3,2.5,2.6,2.5,200,450);(3,7.5,3,2.5,270,520)'],
  '4': [6, '4.5,10 4.5,0 0,7 6,7'],
  '5': [6, '5.4,0 1,0 0.7,4.5 (2.9,6.8,3.1,3.2,225,510)'],
  '6': [6, '(3,6.9,3,3.1,0,360);(4.6,6.4,4.6,6.4,268,182)'],
  '7': [6, '0,0 6,0 2.2,10'],
  '8': [6, '(3,2.5,2.5,2.5,0,360);(3,7.4,3,2.6,0,360)'],
  '9': [6, '(3,3.1,3,3.1,0,360);(1.4,3.6,4.6,6.4,88,2)'],
  '.': [0.6, '0.3,9.8 0.3,10'],
  '-': [4, '0.3,5.8 3.7,5.8'],
  ' ': [2, ''],
  M: [7.4, '0,10 0,0 3.7,7 7.4,0 7.4,10'],
  a: [5.4, '(2.7,6.7,2.7,3.3,0,360);5.4,3.4 5.4,10'],
  d: [5.4, '(2.7,6.7,2.7,3.3,0,360);5.4,0 5.4,10'],
  e: [5.6, '0,6.6 5.6,6.6 (2.8,6.7,2.8,3.3,0,-315)'],
  g: [5.4, '(2.7,6.7,2.7,3.3,0,360);5.4,3.4 5.4,11 (2.8,11,2.6,2.2,0,150)'],
  h: [5.2, '0,0 0,10;0,6 (2.6,5.9,2.6,2.5,180,360) 5.2,10'],
  i: [0.4, '0.2,3.4 0.2,10;0.2,0.8 0.2,1'],
  k: [4.8, '0,0 0,10;4.5,3.5 0,7.4;1.6,6.1 4.8,10'],
  l: [0.4, '0.2,0 0.2,10'],
  m: [8, '0,3.4 0,10;0,6 (2,5.7,2,2.3,180,360) 4,10;4,6 (6,5.7,2,2.3,180,360) 8,10'],
  n: [5.2, '0,3.4 0,10;0,6 (2.6,5.9,2.6,2.5,180,360) 5.2,10'],
  o: [5.8, '(2.9,6.7,2.9,3.3,0,360)'],
  p: [5.4, '0,3.4 0,13;(2.7,6.7,2.7,3.3,0,360)'],
  r: [3.4, '0,3.4 0,10;0,6.2 (2.5,6,2.5,2.6,180,292)'],
  s: [4.4, '(2.2,5.05,2,1.65,-30,-270) (2.2,8.35,2.2,1.65,-90,150)'],
  t: [3.6, '1.6,0.8 1.6,8.2 (3.2,8.2,1.6,1.8,180,80);0,3.4 3.6,3.4'],
  u: [5.2, '0,3.4 0,7.5 (2.6,7.5,2.6,2.5,180,0);5.2,3.4 5.2,10'],
  v: [5.2, '0,3.4 2.6,10 5.2,3.4'],
};

const gap = 2;

/** Pixels from the left of the first letter to the right of the last; `size` is the height of a digit. */
export function textWidth(text: string, size: number): number {
  const units = Array.from(text).reduce((sum, letter) => sum + letterOf(letter)[0] + gap, -gap);
  return (Math.max(0, units) * size) / 10;
}

/** The strokes of a text whose first letter begins at `left` and whose digits stand on `baseline`. */
export function textStrokes(text: string, [left, baseline]: Point, size: number): Point[][] {
  const scale = size / 10;
  let x = left;
  return Array.from(text).flatMap((letter) => {
    const [width, strokes] = letterOf(letter);
    const placed = parseStrokes(strokes).map((line) =>
      line.map(([px, py]): Point => [x + px * scale, baseline + (py - 10) * scale]),
    );
    x += (width + gap) * scale;
    return placed;
  });
}

function letterOf(letter: string): [number, string] {
  const found = letters[letter];
  if (found === undefined) throw new Error(`no strokes for "${letter}"`);
  return found;
}

function parseStrokes(strokes: string): Point[][] {
  if (strokes === '') return [];
  return strokes.split(';').map((stroke) => stroke.split(' ').flatMap(pointsOf));
}

function pointsOf(part: string): Point[] {
  const numbers = part.replace(/[()]/g, '').split(',').map(Number);
  const [cx = 0, cy = 0, rx = 0, ry = 0, from = 0, to = 0] = numbers;
  if (!part.startsWith('(')) return [[cx, cy]];
  const pieces = Math.max(2, Math.ceil(Math.abs(to - from) / 15));
  return Array.from({ length: pieces + 1 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / pieces) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}
