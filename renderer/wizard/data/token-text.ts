// The text of a token as it is shown: blanks and line ends as glyphs, so that nothing is invisible.

/** A stretch of a token: plain text, or a glyph for something that cannot be seen; "line" also ends the line. */
export type Stretch = { kind: 'text' | 'glyph' | 'line'; text: string };

const glyphs: Readonly<Record<string, string>> = { ' ': '·', '\t': '⇥', '\n': '↵', '\u00a0': '⍽', '\r': '␍' };

export function stretchesOf(text: string): Stretch[] {
  const parts = text.match(/[ \t\r\u00a0]+|\n|[^ \t\r\n\u00a0]+/g) ?? [];
  return parts.map((part): Stretch => {
    const glyph = glyphs[part.charAt(0)];
    if (glyph === undefined) return { kind: 'text', text: visible(part) };
    return { kind: part === '\n' ? 'line' : 'glyph', text: Array.from(part, (one) => glyphs[one] ?? one).join('') };
  });
}

/** Other control characters by their pictures. */
function visible(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : code === 0x7f ? '␡' : '�';
  });
}

/** A token for the line that tells of it: in quotes, with escapes. */
export function quotedPiece(text: string): string {
  return JSON.stringify(text);
}

/** "36 %", "0.4 %", "100 %" only where it is all. */
export function shareText(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  if (part === whole) return '100 %';
  const share = (100 * part) / whole;
  return `${share < 1 || share > 99 ? share.toFixed(1) : Math.round(share)} %`;
}
