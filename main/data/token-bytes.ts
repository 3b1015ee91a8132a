// What a single token stands for, byte by byte. The tokenizer library gives ids only; with the bytes, a token can be
// shown on its own and its place in the text can be found again.
import { isUtf8 } from 'node:buffer';

export type TokenBytes = (id: number) => Uint8Array | undefined;

type TokenizerJson = {
  decoder?: unknown;
  pre_tokenizer?: unknown;
  normalizer?: unknown;
  model: { vocab?: unknown; byte_fallback?: boolean };
};

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** `pieceOf` gives the vocabulary entry of an id, `isAdded` whether it stands for itself (special and added tokens). */
export function tokenBytes(
  json: TokenizerJson,
  pieceOf: (id: number) => string | undefined,
  isAdded: (id: number) => boolean,
): TokenBytes {
  const parts = JSON.stringify([json.decoder, json.pre_tokenizer, json.normalizer]);
  const byteLevel = parts.includes('"ByteLevel"');
  const marksSpaces = parts.includes('▁');
  const remembered = new Map<number, Uint8Array | undefined>();
  const find: TokenBytes = (id) => {
    const piece = pieceOf(id);
    if (piece === undefined) return undefined;
    if (isAdded(id)) return encoder.encode(piece);
    if (byteLevel) return byteLevelBytes(piece);
    const byte = json.model.byte_fallback ? /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(parseInt(byte, 16));
    return encoder.encode(marksSpaces ? piece.replaceAll('▁', ' ') : piece);
  };
  return (id) => {
    let bytes = remembered.get(id);
    if (!bytes) {
      bytes = find(id);
      remembered.set(id, bytes);
    }
    return bytes;
  };
}

/** Text of some bytes; those that are no whole character are written as \xE2. */
export function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
    const character = bytes.subarray(at, at + length);
    if (character.length === length && isUtf8(character)) {
      text += decoder.decode(character);
      at += length;
    } else {
      text += `\\x${first.toString(16).toUpperCase().padStart(2, '0')}`;
      at++;
    }
  }
  return text;
}

/**
 * Where each token lies in the text's UTF-8 bytes: token i covers [starts[i], starts[i + 1]).
 * Undefined where the tokens do not spell the text (a normalizer changed it, or an unknown token).
 * A space that the tokenizer put in front has no width.
 */
export function locateTokens(text: string, ids: number[], bytesOf: TokenBytes): Int32Array | undefined {
  const bytes = encoder.encode(text);
  const starts = new Int32Array(ids.length + 1);
  let at = 0;
  for (const [i, id] of ids.entries()) {
    const piece = bytesOf(id);
    if (!piece) return undefined;
    starts[i] = at;
    if (startsWith(bytes, piece, at)) at += piece.length;
    else if (piece[0] === 0x20 && startsWith(bytes, piece.subarray(1), at)) at += piece.length - 1;
    else return undefined;
  }
  starts[ids.length] = at;
  return at === bytes.length ? starts : undefined;
}

function startsWith(bytes: Uint8Array, piece: Uint8Array, at: number): boolean {
  for (let i = 0; i < piece.length; i++) if (bytes[at + i] !== piece[i]) return false;
  return true;
}

/** [256] GPT-2's byte alphabet: printable bytes stand for themselves, the others for characters from U+0100 on. */
export const byteAlphabet: string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCodePoint(printable ? byte : next++);
  });
})();

const BYTE_OF_CHARACTER = new Map(byteAlphabet.map((character, byte) => [character, byte]));

function byteLevelBytes(piece: string): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of piece) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
