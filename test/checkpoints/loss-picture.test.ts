// The loss curve of a model card: a picture that any reader of PNG takes, with every line where its numbers say.
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { lossPicture } from '../../main/checkpoints/card/loss-picture.ts';
import { pngBytes } from '../../main/checkpoints/card/png.ts';
import { textWidth } from '../../main/checkpoints/card/stroke-letters.ts';

/** CRC-32 bit by bit, as the PNG specification defines it. */
function crc(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return (rest ^ 0xffffffff) >>> 0;
}

type Picture = { width: number; height: number; at: (x: number, y: number) => string };

/** Decodes 8-bit RGB with filter types 0 and 2, and checks the rest of the format. */
function decode(png: Uint8Array): Picture {
  const bytes = Buffer.from(png);
  expect(bytes.subarray(0, 8).toString('latin1')).toBe('\u0089PNG\r\n\u001a\n');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const named = bytes.subarray(at + 4, at + 8 + length);
    expect(bytes.readUInt32BE(at + 8 + length)).toBe(crc(named));
    chunks.set(named.subarray(0, 4).toString('latin1'), named.subarray(4));
    at += 12 + length;
  }
  expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND']);
  const header = chunks.get('IHDR') ?? Buffer.alloc(0);
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  expect([...header.subarray(8)]).toEqual([8, 2, 0, 0, 0]);
  const rows = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0));
  const stride = 1 + 3 * width;
  expect(rows.length).toBe(height * stride);
  for (let i = 0; i < rows.length; i++) {
    const filter = rows[i - (i % stride)];
    if (i % stride > 0 && filter === 2 && i >= stride) rows[i] = ((rows[i] ?? 0) + (rows[i - stride] ?? 0)) & 0xff;
  }
  const at = (x: number, y: number): string => {
    const start = Math.round(y) * stride + 1 + 3 * Math.round(x);
    return `#${rows
      .subarray(start, start + 3)
      .toString('hex')
      .toUpperCase()}`;
  };
  return { width, height, at };
}

test('pixels come back as they were', () => {
  const pixels = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) % 256);
  const { width, height, at } = decode(pngBytes(5, 7, pixels));
  expect([width, height]).toEqual([5, 7]);
  const hex = (x: number, y: number): string => {
    const start = 3 * (y * 5 + x);
    return `#${Buffer.from(pixels.subarray(start, start + 3))
      .toString('hex')
      .toUpperCase()}`;
  };
  for (let y = 0; y < 7; y++) for (let x = 0; x < 5; x++) expect(at(x, y)).toBe(hex(x, y));
});

/** The plot's corners, and how far losses from `low` to `high` are drawn in: a margin of 6 % on both sides. */
const plot = { left: 128, right: 1240, top: 104, bottom: 624 };
const yOf = (loss: number, low: number, high: number): number => {
  const margin = 0.06 * (high - low);
  return plot.bottom - ((loss - low + margin) / (high - low + 2 * margin)) * (plot.bottom - plot.top);
};

test('the smoothed line is teal, evaluations are amber, the raw line is fainter', () => {
  // A short run is not smoothed: both lines are one. 1, 2, 3, … 11 by steps 0 to 10.
  const losses = Array.from({ length: 11 }, (_, i) => ({ step: i, loss: i + 1 }));
  const evaluations = [{ step: 5, metrics: { eval_loss: 9 } }];
  const { width, height, at } = decode(lossPicture({ losses, evaluations }) ?? new Uint8Array());
  expect([width, height]).toEqual([1280, 720]);
  const middle = (plot.left + plot.right) / 2;
  expect(at(middle, yOf(6, 1, 11))).toBe('#0E7C86');
  expect(at(plot.left + 0.3 * (plot.right - plot.left), yOf(4, 1, 11))).toBe('#0E7C86');
  expect(at(middle, yOf(9, 1, 11))).toBe('#A15C07');
  expect(at(middle, yOf(7.5, 1, 11))).toBe('#FFFFFF');
  expect(at(2, 2)).toBe('#FFFFFF');
});

test('one wild loss does not flatten the rest; it leaves the plot at its top', () => {
  const losses = Array.from({ length: 200 }, (_, i) => ({ step: i, loss: i === 100 ? 1e6 : i % 2 }));
  // What is smoothed still follows the wild one, so it is told by a run that is not smoothed.
  const short = losses.slice(0, 12).map(({ step, loss }) => ({ step, loss: step === 0 ? 5 : loss }));
  for (const history of [losses, short]) {
    const picture = decode(lossPicture({ losses: history, evaluations: [] }) ?? new Uint8Array());
    for (let x = plot.left; x < plot.right; x += 7) expect(picture.at(x, plot.top - 12)).toBe('#FFFFFF');
  }
});

test('fewer than two finite losses are no curve; equal ones and very many are', () => {
  const none = { losses: [{ step: 1, loss: 2 }], evaluations: [{ step: 1, metrics: { eval_loss: 1 } }] };
  expect(lossPicture(none)).toBeUndefined();
  expect(lossPicture({ ...none, losses: [...none.losses, { step: 2, loss: Number.NaN }] })).toBeUndefined();
  expect(lossPicture({ losses: [1, 2].map((step) => ({ step, loss: 0 })), evaluations: [] })).toBeDefined();
  const many = Array.from({ length: 50_000 }, (_, i) => ({ step: 1_000_000 + i, loss: 1e-4 * (1 + Math.sin(i)) }));
  decode(lossPicture({ losses: many, evaluations: [] }) ?? new Uint8Array());
});

test('every letter that a number or a word of the picture needs has strokes', () => {
  for (const text of ['0123456789.-', '10k', '1.5M', 'training loss', 'smoothed', 'evaluation', 'step'])
    expect(textWidth(text, 20)).toBeGreaterThan(0);
  expect(() => textWidth('§', 20)).toThrow('no strokes');
});
