// A white picture on which antialiased strokes are drawn. What they mean, and the file's format, is left to others.

/** Pixels from the top left corner. */
export type Point = readonly [x: number, y: number];

export type Stroke = {
  /** Pixels. */
  width: number;
  /** "#0E7C86" */
  color: string;
  /** 1 covers what is below it. */
  opacity?: number;
};

export class Canvas {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel, row by row. */
  readonly pixels: Uint8Array;
  readonly #coverage: Float32Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(width * height * 3).fill(255);
    this.#coverage = new Float32Array(width * height);
  }

  /**
   * Draws lines with round ends. A pixel is covered as much as its centre lies within half the width of any segment,
   * once for all lines: where they cross or join, a faint colour does not add up.
   */
  stroke(lines: readonly (readonly Point[])[], { width, color, opacity = 1 }: Stroke): void {
    let [top, bottom] = [this.height, -1];
    for (const line of lines)
      for (let i = 0; i < line.length; i++) {
        const end = line[i] ?? [0, 0];
        const start = line[i - 1] ?? end;
        if (i === 0 && line.length > 1) continue;
        this.#cover(start, end, width / 2);
        top = Math.min(top, Math.floor(Math.min(start[1], end[1]) - width));
        bottom = Math.max(bottom, Math.ceil(Math.max(start[1], end[1]) + width));
      }
    const paint = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
    const from = Math.max(0, top) * this.width;
    const to = (Math.min(this.height - 1, bottom) + 1) * this.width;
    for (let i = from; i < to; i++) {
      const share = (this.#coverage[i] ?? 0) * opacity;
      if (share === 0) continue;
      for (let c = 0; c < 3; c++) {
        const below = this.pixels[3 * i + c] ?? 0;
        this.pixels[3 * i + c] = Math.round(below + share * ((paint[c] ?? 0) - below));
      }
      this.#coverage[i] = 0;
    }
  }

  #cover([x0, y0]: Point, [x1, y1]: Point, radius: number): void {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const squaredLength = dx * dx + dy * dy;
    const reach = radius + 1;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
    const right = Math.min(this.width - 1, Math.ceil(Math.max(x0, x1) + reach));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(y0, y1) + reach));
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = squaredLength === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength));
        const distance = Math.hypot(px - along * dx, py - along * dy);
        const share = Math.min(1, Math.max(0, radius + 0.5 - distance));
        const i = y * this.width + x;
        if (share > (this.#coverage[i] ?? 0)) this.#coverage[i] = share;
      }
  }
}
