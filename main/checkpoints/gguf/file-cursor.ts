// Reads little-endian values one after the other from the beginning of a file, a window at a time, and never past its
// end. What they mean is left to header.ts.
import { readSync } from 'node:fs';
import { ggufCutOff, ggufInvalid } from './problems.ts';

const windowBytes = 2 ** 20;
const text = new TextDecoder('utf-8', { ignoreBOM: true });

export class FileCursor {
  readonly path: string;
  readonly fileBytes: number;
  readonly #file: number;
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Where the window begins in the file. */
  #start = 0;
  /** Of the next value, within the window. */
  #at = 0;

  constructor(file: number, fileBytes: number, path: string) {
    this.#file = file;
    this.fileBytes = fileBytes;
    this.path = path;
  }

  /** Of the next value, from the start of the file. */
  get offset(): number {
    return this.#start + this.#at;
  }

  /** Bytes from here to the end of the file. */
  get left(): number {
    return this.fileBytes - this.offset;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  i8(): number {
    const at = this.#take(1);
    return this.#view.getInt8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, true);
  }

  i16(): number {
    const at = this.#take(2);
    return this.#view.getInt16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  i32(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at, true);
  }

  f32(): number {
    const at = this.#take(4);
    return this.#view.getFloat32(at, true);
  }

  f64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  u64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigUint64(at, true);
  }

  i64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigInt64(at, true);
  }

  /** A count or an offset of 64 bits. @throws UserError where it is above `most` */
  count(what: string, most: number): number {
    const at = this.offset;
    const value = this.u64();
    if (value <= BigInt(most)) return Number(value);
    throw ggufInvalid(this.path, at, `${what} is ${value}, more than ${most}`);
  }

  /** A length of 64 bits and as many bytes of UTF-8; bytes that are none become U+FFFD. */
  string(what: string, mostBytes: number): string {
    const length = this.count(`the length of ${what}`, mostBytes);
    const at = this.#take(length);
    return text.decode(this.#window.subarray(at, at + length));
  }

  /** Place in the window of the next `bytes` bytes, which are passed. */
  #take(bytes: number): number {
    if (this.#at + bytes > this.#window.length) this.#refill(bytes);
    const at = this.#at;
    this.#at += bytes;
    return at;
  }

  #refill(bytes: number): void {
    const offset = this.offset;
    if (bytes > this.fileBytes - offset)
      throw ggufCutOff(this.path, `its header goes on after byte ${offset}, the file has ${this.fileBytes}`);
    const window = new Uint8Array(Math.min(this.fileBytes - offset, Math.max(windowBytes, bytes)));
    for (let done = 0; done < window.length;) {
      const read = readSync(this.#file, window, done, window.length - done, offset + done);
      if (read === 0) throw ggufCutOff(this.path, `it ends at byte ${offset + done}`);
      done += read;
    }
    this.#window = window;
    this.#view = new DataView(window.buffer);
    this.#start = offset;
    this.#at = 0;
  }
}
