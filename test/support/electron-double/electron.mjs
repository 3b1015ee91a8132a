// Stands in for Electron where its program cannot be had: `node --import` this file, then the built main program runs
// unchanged, with windows that are Chromium pages. It keeps Electron's rules that a mistake would break: scheme,
// headers, sandbox, preload path, channel names, frames, navigation, the order of closing and quitting. It does not keep
// the page's and the preload's JavaScript worlds apart.
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { chromium } from 'playwright-core';
import { onCommand, report } from './control.mjs';

export { dialog, Menu, nativeImage, Notification, powerMonitor, safeStorage, screen, shell, Tray } from './system.mjs';
export { utilityProcess } from './utility-process.mjs';

/** Chromium knows no scheme of ours: a host name that leads nowhere takes its place, on the page's side only. */
const origin = 'app://lorelei';
const substitute = 'https://lorelei.invalid';
const asElectron = (url) => url.replace(substitute, origin);

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

let ready = false;
let declared = [];
let serveScheme;
let permissions = {};
const handlers = new Map();
const windows = new Set();

/** Emits an event that can be prevented; true where nobody did. */
function allows(emitter, name, fields = {}) {
  let prevented = false;
  emitter.emit(name, { ...fields, preventDefault: () => (prevented = true) });
  return !prevented;
}

export const app = Object.assign(new EventEmitter(), {
  isPackaged: true,
  setPath(name, path) {
    if (ready) throw new Error('too late to move the profile');
    mkdirSync(path, { recursive: true });
    report('path', { name, path });
  },
  requestSingleInstanceLock: () => true,
  async whenReady() {
    await new Promise((turn) => setTimeout(turn, 10));
    ready = true;
  },
  quit() {
    if (!allows(app, 'before-quit')) return;
    for (const window of [...windows]) if (!window.close()) return;
    if (!allows(app, 'will-quit')) return;
    process.exit(0);
  },
});
onCommand('quit', () => void app.quit());
onCommand('second-instance', () => void app.emit('second-instance', {}, [], ''));

export const protocol = {
  registerSchemesAsPrivileged(schemes) {
    if (ready) throw new Error('schemes are declared before the app is ready');
    declared = schemes.filter(({ privileges }) => privileges.standard && privileges.secure).map(({ scheme }) => scheme);
  },
  handle(scheme, handler) {
    if (!declared.includes(scheme)) throw new Error(`${scheme} was not declared`);
    serveScheme = handler;
  },
};
onCommand('fetch', async ({ url, method }) => (await serveScheme(new Request(url, { method }))).status);

export const session = {
  defaultSession: {
    setPermissionRequestHandler: (handler) => (permissions.request = handler),
    setPermissionCheckHandler: (handler) => (permissions.check = handler),
    setDevicePermissionHandler: (handler) => (permissions.device = handler),
  },
};
onCommand('permission', async ({ permission, url }) => {
  const contents = { getURL: () => url };
  const requested = await new Promise((decide) => permissions.request(contents, permission, decide));
  return { requested, checked: permissions.check(contents, permission, url), device: permissions.device({}) };
});

export const ipcMain = { handle: (channel, handler) => handlers.set(channel, handler) };

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => [...windows];
  static getFocusedWindow = () => [...windows].find((window) => window.isFocused()) ?? null;
  #page;
  #options;
  #openHandler = () => ({ action: 'allow' });
  #isFocused = true;
  #isMaximized = false;

  webContents = Object.assign(new EventEmitter(), {
    setWindowOpenHandler: (handler) => (this.#openHandler = handler),
    send: (channel, payload) => {
      const sent = structuredClone(payload);
      // Between two pages there is nobody to hear it.
      this.#page?.evaluate(([c, p]) => globalThis.__receive(c, p), [channel, sent]).catch(() => {});
    },
    reload: () => void this.#openPage(),
  });

  constructor(options) {
    super();
    const { sandbox, contextIsolation, nodeIntegration, webviewTag } = options.webPreferences;
    if (!sandbox || !contextIsolation || nodeIntegration || webviewTag)
      throw new Error('the window is not locked down');
    this.#options = options;
    windows.add(this);
    report('window', { ...options, webPreferences: undefined });
    app.emit('web-contents-created', {}, this.webContents);
    onCommand('close-window', () => void this.close());
    onCommand('blur', () => void (this.#isFocused = false));
    onCommand('attach-webview', () => allows(this.webContents, 'will-attach-webview'));
  }

  getNormalBounds = () => ({ x: 10, y: 20, ...this.#sized() });
  #sized = () => ({ width: this.#options.width, height: this.#options.height });
  isMaximized = () => this.#isMaximized;
  maximize = () => void (this.#isMaximized = true);
  isMinimized = () => false;
  isFocused = () => this.#isFocused;
  isDestroyed = () => !windows.has(this);
  show = () => report('shown', null);
  focus = () => void (this.#isFocused = true);

  /** False where it stays open. */
  close() {
    if (!allows(this, 'close')) return false;
    this.destroy();
    return true;
  }

  destroy() {
    if (!windows.delete(this)) return;
    const page = this.#page;
    this.#page = undefined;
    page?.close().catch(() => {});
    this.emit('closed');
    if (windows.size === 0) app.emit('window-all-closed');
  }

  async loadURL(url) {
    this.url = url;
    await this.#openPage();
  }

  async #openPage() {
    const old = this.#page;
    const browser = await chromium.connectOverCDP(process.env.LORELEI_TEST_BROWSER, { timeout: 120_000 });
    const page = await browser.contexts()[0].newPage();
    this.#page = page;
    await old?.close().catch(() => {});
    await page.route('**/*', (route) => this.#answerRequest(route));
    page.on('popup', async (popup) => {
      const { action } = this.#openHandler({ url: asElectron(popup.url()) });
      if (action === 'deny') await popup.close();
      report('popup', action);
    });
    page.on('crash', () => this.webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 139 }));
    await page.exposeBinding('__invoke', ({ frame }, channel, request) => {
      const handler = handlers.get(channel);
      if (!handler) throw new Error(`No handler registered for '${channel}'`);
      const parent = frame.parentFrame() === null ? null : {};
      return handler({ senderFrame: { url: asElectron(frame.url()), parent } }, request);
    });
    const preload = readFileSync(this.#options.webPreferences.preload, 'utf8');
    await page.addInitScript(`(${runPreload.toString()})((require, exports, module) => {${preload}\n})`);
    await page.goto(this.url.replace(origin, substitute));
  }

  async #answerRequest(route) {
    const request = route.request();
    const url = asElectron(request.url());
    const isInside = url.startsWith(origin);
    if (request.isNavigationRequest() && !isInside) {
      const isMain = request.frame().parentFrame() === null;
      const stays = !allows(this.webContents, isMain ? 'will-navigate' : 'will-frame-navigate', { url });
      report('navigation', { url, isPrevented: stays });
      return stays ? route.abort('aborted') : route.continue();
    }
    if (!isInside) return route.continue();
    const response = await serveScheme(new Request(url, { method: request.method() }));
    const body = Buffer.from(await response.arrayBuffer());
    return route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body });
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
