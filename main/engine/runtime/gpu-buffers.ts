// ONNX Runtime's buffers on WebGPU (version 1.30, its usual cache "bucket"), without their memory: each is as large as the
// next of a few sizes, and what is given back waits for the work in progress before it can be taken again.

export type GpuBuffer = { readonly bytes: number };

/** Size of a bucket, and how many buffers it keeps. What is larger than the last is never kept. */
const BUCKETS: readonly (readonly [bytes: number, most: number])[] = [
  [64, 250],
  [128, 200],
  [256, 200],
  [512, 200],
  [2048, 230],
  [4096, 200],
  [8192, 50],
  [16_384, 50],
  [32_768, 50],
  [65_536, 50],
  [131_072, 50],
  [262_144, 50],
  [524_288, 50],
  [1_048_576, 50],
  [2_097_152, 30],
  [4_194_304, 20],
  [8_388_608, 10],
  [12_582_912, 10],
  [16_777_216, 10],
  [26_214_400, 15],
  [33_554_432, 22],
  [44_236_800, 2],
  [58_982_400, 6],
  [67_108_864, 6],
  [134_217_728, 6],
  [167_772_160, 6],
];

/** Nodes that are handed to the device together. */
const AT_ONCE = 16;

export class GpuBuffers {
  readonly #kept = new Map(BUCKETS.map(([bytes]) => [bytes, 0]));
  #waiting: GpuBuffer[] = [];
  #nodes = 0;
  #held = 0;
  #peak = 0;

  /** Of all buffers that there are, used or kept. */
  get heldBytes(): number {
    return this.#held;
  }

  /** The most that they have been. */
  get peakBytes(): number {
    return this.#peak;
  }

  allocate(bytes: number): GpuBuffer {
    const size = BUCKETS.find(([bucket]) => bucket >= bytes)?.[0] ?? Math.ceil(bytes / 16) * 16;
    const kept = this.#kept.get(size) ?? 0;
    if (kept > 0) this.#kept.set(size, kept - 1);
    else {
      this.#held += size;
      this.#peak = Math.max(this.#peak, this.#held);
    }
    return { bytes: size };
  }

  free(buffer: GpuBuffer): void {
    this.#waiting.push(buffer);
  }

  /** One node more is in progress. */
  afterNode(): void {
    this.#nodes += 1;
    if (this.#nodes === AT_ONCE) this.finish();
  }

  /** The work in progress is done. */
  finish(): void {
    this.#nodes = 0;
    for (const { bytes } of this.#waiting) {
      const kept = this.#kept.get(bytes);
      const most = BUCKETS.find(([bucket]) => bucket === bytes)?.[1] ?? 0;
      if (kept !== undefined && kept < most) this.#kept.set(bytes, kept + 1);
      else this.#held -= bytes;
    }
    this.#waiting = [];
  }
}
