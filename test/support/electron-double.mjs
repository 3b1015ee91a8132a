// Stands in for Electron where its program cannot be had: `node --import` this file, then the built main program runs
// unchanged, with windows that are Chromium pages. It keeps Electron's rules that a mistake would break: scheme,
// headers, sandbox, preload path, channel names, what may cross the bridge. It does not keep the page's and the
// preload's JavaScript worlds apart.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { chromium } from 'playwright-core';

const scheme = 'lorelei:';
/** Chromium knows no scheme of ours: a host name that leads nowhere takes its place, on the page's side only. */
const substitute = 'https://lorelei.invalid';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

let serveScheme;
const handlers = new Map();
const windows = [];

export const app = Object.assign(new EventEmitter(), {
  requestSingleInstanceLock: () => true,
  whenReady: () => Promise.resolve(),
  quit: () => process.exit(0),
});

export const protocol = {
  registerSchemesAsPrivileged: () => {},
  handle: (name, handler) => {
    if (`${name}:` === scheme) serveScheme = handler;
  },
};

export const session = { defaultSession: { setPermissionRequestHandler: () => {} } };

export const ipcMain = { handle: (channel, handler) => handlers.set(channel, handler) };

export class BrowserWindow {
  static getAllWindows = () => windows;
  #page;
  #options;

  webContents = Object.assign(new EventEmitter(), {
    setWindowOpenHandler: () => {},
    send: (channel, payload) =>
      void this.#page.evaluate(([c, p]) => globalThis.__receive(c, p), [channel, structuredClone(payload)]),
  });

  constructor(options) {
    const { sandbox, contextIsolation, nodeIntegration } = options.webPreferences;
    if (!sandbox || !contextIsolation || nodeIntegration) throw new Error('the window is not locked down');
    this.#options = options;
    windows.push(this);
  }

  async loadURL(url) {
    const browser = await chromium.connectOverCDP(process.env.LORELEI_TEST_BROWSER, { timeout: 120_000 });
    const context = browser.contexts()[0];
    this.#page = await context.newPage();
    await this.#page.route(`${substitute}/**`, async (route) => {
      const asked = route.request().url().replace(substitute, 'lorelei://app');
      const response = await serveScheme(new Request(asked));
      const body = Buffer.from(await response.arrayBuffer());
      await route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body });
    });
    await this.#page.exposeFunction('__invoke', (channel, request) => {
      const handler = handlers.get(channel);
      if (!handler) throw new Error(`No handler registered for '${channel}'`);
      const sender = this.#page.url().replace(substitute, 'lorelei://app');
      return handler({ senderFrame: { url: sender, parent: null } }, request);
    });
    const preload = readFileSync(this.#options.webPreferences.preload, 'utf8');
    await this.#page.addInitScript(`(${runPreload.toString()})((require, exports, module) => {${preload}\n})`);
    await this.#page.goto(url.replace('lorelei://app', substitute));
  }
}

/** In the page: what a sandboxed preload is given. */
function runPreload(preload) {
  const listeners = new Map();
  globalThis.__receive = (channel, payload) =>
    (listeners.get(channel) ?? []).forEach((listener) => listener({}, payload));
  const electron = {
    contextBridge: { exposeInMainWorld: (name, value) => Object.defineProperty(globalThis, name, { value }) },
    ipcRenderer: {
      invoke: (channel, request) => globalThis.__invoke(channel, request),
      on: (channel, listener) => listeners.set(channel, [...(listeners.get(channel) ?? []), listener]),
      off: (channel, listener) =>
        listeners.set(
          channel,
          (listeners.get(channel) ?? []).filter((l) => l !== listener),
        ),
    },
  };
  const require = (name) => {
    if (name !== 'electron') throw new Error(`module not found: ${name}`);
    return electron;
  };
  preload(require, {}, {});
}
