// The one window: locked down, back where it was, and loaded again when its page crashes. Runs live elsewhere and do not
// notice.
import { BrowserWindow, dialog, type Event } from 'electron';
import { join } from 'node:path';
import { pageUrl } from './page-protocol.ts';
import { keepPlace, readPlace } from './window-place.ts';

const preload = join(import.meta.dirname, '../preload/index.cjs');

/** A page that crashes more often than this many times in a minute is not loaded again by itself. */
const CRASHES_A_MINUTE = 3;

export class MainWindow {
  /** Asked before the window closes; it stays open unless the answer is true. */
  mayClose: () => boolean = () => true;
  #window: BrowserWindow | undefined;
  #crashes: number[] = [];
  readonly #placeFile: string;

  constructor(placeFile: string) {
    this.#placeFile = placeFile;
  }

  get isOpen(): boolean {
    return this.#window !== undefined;
  }

  get isFocused(): boolean {
    return this.#window?.isFocused() === true;
  }

  /** What dialogs belong to, where it is open. */
  get parent(): BrowserWindow | undefined {
    return this.#window;
  }

  open(): void {
    const place = readPlace(this.#placeFile);
    const { isMaximized, ...bounds } = place ?? { width: 1280, height: 800, isMaximized: false };
    const window = new BrowserWindow({
      ...bounds,
      minWidth: 640,
      minHeight: 480,
      title: 'Lorelei',
      webPreferences: {
        preload,
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webviewTag: false,
        spellcheck: false, // Chromium would fetch its dictionaries
      },
    });
    this.#window = window;
    if (isMaximized) window.maximize();
    window.on('close', (event: Event) => {
      keepPlace(this.#placeFile, window);
      if (!this.mayClose()) event.preventDefault();
    });
    window.on('closed', () => {
      this.#window = undefined;
    });
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason !== 'clean-exit') void this.#loadAgain(window, reason);
    });
    void window.loadURL(pageUrl);
  }

  /** Brings it to the front, opening it where it was closed. */
  show(): void {
    if (this.#window === undefined) {
      this.open();
      return;
    }
    if (this.#window.isMinimized()) this.#window.restore();
    this.#window.show();
    this.#window.focus();
  }

  /** Closes it without asking. */
  destroy(): void {
    this.#window?.destroy();
  }

  async #loadAgain(window: BrowserWindow, reason: string): Promise<void> {
    const now = Date.now();
    this.#crashes = [...this.#crashes.filter((at) => now - at < 60_000), now];
    if (this.#crashes.length > CRASHES_A_MINUTE) {
      await dialog.showMessageBox(window, {
        type: 'error',
        message: 'The window keeps crashing.',
        detail: `Runs are not touched by it. The last time the system said: ${reason}.`,
        buttons: ['Load it again'],
      });
      this.#crashes = [];
    }
    if (!window.isDestroyed()) window.webContents.reload();
  }
}
