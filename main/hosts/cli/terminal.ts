// Where words go: results to stdout, everything else to stderr; a live line that is redrawn in place on a terminal.
import type { ErrorDetails } from '../../errors.ts';

/** The part of a stream that is needed here. */
export type Sink = { write(text: string): unknown; isTTY?: boolean; columns?: number };

const GATHER_MS = 100;

/** Gathers what a fast run prints and writes it ten times a second: a write costs more than all else about a line. */
export function gathering(sink: Sink): Sink & { flush(): void } {
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (text !== '') sink.write(text);
    text = '';
  };
  return {
    ...(sink.isTTY === true && { isTTY: true }),
    get columns() {
      return sink.columns;
    },
    write(more: string) {
      text += more;
      timer ??= setTimeout(flush, GATHER_MS);
    },
    flush,
  };
}

export type Terminal = {
  /** A finished line. */
  line(text: string): void;
  /** Replaces the live line; ignored where the sink is no terminal. */
  live(text: string): void;
  /** Removes the live line. */
  clear(): void;
  /** Whether live lines are shown. */
  readonly isLive: boolean;
  /** Characters per line. */
  readonly width: number;
};

const REDRAW_MS = 100;
const CLEAR_LINE = '\r\u001b[2K';

export function terminalOn(sink: Sink): Terminal {
  const isLive = sink.isTTY === true;
  let drawnAt = 0;
  let shown = false;
  const clear = (): void => {
    if (shown) sink.write(CLEAR_LINE);
    shown = false;
    drawnAt = 0;
  };
  // Some terminals say that they have no columns.
  const width = (): number => (sink.columns === undefined || sink.columns < 20 ? 80 : sink.columns);
  return {
    isLive,
    get width() {
      return width();
    },
    clear,
    line(text) {
      clear();
      sink.write(`${text}\n`);
    },
    live(text) {
      const now = performance.now();
      if (!isLive || now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      shown = true;
      sink.write(`${CLEAR_LINE}${text.slice(0, width() - 1)}`);
    },
  };
}

/** An error as one paragraph: what happened and where, then what to do. */
export function errorText({ message, fix, commandLine }: ErrorDetails): string {
  return `Error: ${message}\n${commandLine ?? fix}`;
}
