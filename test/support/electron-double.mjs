// Stands in for Electron where its program cannot be had: `node --import` this file, then the built main program runs
// unchanged, with windows that are Chromium pages. It keeps Electron's rules that a mistake would break: scheme,
// headers, sandbox, preload path, channel names, what may cross the bridge, who is asked before a window closes. It
// does not keep the page's and the preload's JavaScript worlds apart. The person and the system are the test that
// started it: what would appear on their screen is sent to it, and it says what they do (test/support/desktop.ts).
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { basename } from 'node:path';
import { chromium } from 'playwright-core';

const origin = 'app://lorelei';
/** Chromium knows no scheme of ours: a host name that leads nowhere takes its place, on the page's side only. */
const substitute = 'https://lorelei.invalid';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

// ---- the person ----

const questions = new Map();
const show = (what, value = {}) => process.send?.({ what, ...value });

/** Shows something that waits for an answer. */
function ask(what, value) {
  const id = questions.size + 1;
  show(what, { ...value, id });
  return new Promise((resolve) => questions.set(id, resolve));
}

const person = {
  answer: ({ id, value }) => questions.get(id)(value),
  close: () => windows[0]?.close(),
  focus: ({ isFocused }) => (focused = isFocused),
  quit: () => app.quit(),
  shutdown: () => powerMonitor.emit('shutdown', new ElectronEvent()),
  secondInstance: () => app.emit('second-instance', new ElectronEvent()),
  pickInTray: ({ label }) => trays[0].menu.find((item) => item.label === label).click(),
  clickNotice: ({ index }) => notices[index].emit('click'),
  crash: () => windows[0].webContents.emit('render-process-gone', new ElectronEvent(), { reason: 'crashed' }),
  killJob: () => utilities.at(-1).kill('SIGKILL'),
  navigate: ({ url }) => {
    const event = Object.assign(new ElectronEvent(), { url });
    windows[0].webContents.emit('will-navigate', event);
    show('navigated', {
      isAllowed: !event.defaultPrevented,
      opened: windows[0].webContents.openHandler({ url }).action,
    });
  },
  attachWebview: () => {
    const event = new ElectronEvent();
    windows[0].webContents.emit('will-attach-webview', event);
    show('webview', { isAllowed: !event.defaultPrevented });
  },
  /** Takes files in the hand; the browser drags them (test/support/drag-files.ts). */
  takeFiles: async ({ paths }) => {
    await windows[0].takeFiles(paths);
    show('holding');
  },
  permissions: ({ permission }) => {
    const { request, check, device } = session.defaultSession.asked;
    request(windows[0].webContents, permission, (isGranted) =>
      show('permission', { request: isGranted, check: check(null, permission, `${origin}/`), device: device({}) }),
    );
  },
};
process.on('message', (message) => person[message.does](message));

class ElectronEvent {
  defaultPrevented = false;
  preventDefault() {
    this.defaultPrevented = true;
  }
}

// ---- the program ----

let serveScheme;
let connection;
let focused = true;
let isQuitting = false;
const handlers = new Map();
const windows = [];
const trays = [];
const notices = [];
const utilities = [];

export const app = Object.assign(new EventEmitter(), {
  isPackaged: true,
  requestSingleInstanceLock: () => true,
  whenReady: () => Promise.resolve(),
  exit: (code) => process.exit(code),
  setPath: (_name, path) => mkdirSync(path, { recursive: true }),
  /** Asks "before-quit", then every window; whoever says no ends it. */
  quit() {
    const event = new ElectronEvent();
    app.emit('before-quit', event);
    if (event.defaultPrevented) return;
    isQuitting = true;
    for (const window of [...windows]) window.close();
    isQuitting = windows.length === 0;
    if (!isQuitting) return;
    app.emit('will-quit', new ElectronEvent());
    for (const child of utilities) child.kill('SIGKILL');
    process.exit(0);
  },
});

export const protocol = {
  registerSchemesAsPrivileged: ([{ scheme, privileges }]) => {
    if (`${scheme}://lorelei` !== origin || !privileges.standard || !privileges.secure) throw new Error('wrong scheme');
  },
  handle: (_name, handler) => (serveScheme = handler),
};

export const session = {
  defaultSession: {
    asked: {},
    setPermissionRequestHandler: (handler) => (session.defaultSession.asked.request = handler),
    setPermissionCheckHandler: (handler) => (session.defaultSession.asked.check = handler),
    setDevicePermissionHandler: (handler) => (session.defaultSession.asked.device = handler),
  },
};

export const ipcMain = { handle: (channel, handler) => handlers.set(channel, handler) };

export const dialog = {
  showMessageBox: async (...given) => ({ response: await ask('message', { options: given.at(-1) }) }),
  showOpenDialog: async (...given) => {
    const paths = await ask('open', { options: given.at(-1) });
    return { canceled: paths === null, filePaths: paths ?? [] };
  },
  showErrorBox: (title, content) => show('error', { title, content }),
};

export const shell = { openExternal: async (url) => show('browser', { url }) };

export const screen = { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] };

export const powerMonitor = new EventEmitter();

export const nativeImage = {
  createFromPath(path) {
    readFileSync(path); // Electron makes an empty image of a file that is not there
    return { path };
  },
};

export const Menu = { buildFromTemplate: (template) => template, setApplicationMenu: () => {} };

export class Tray extends EventEmitter {
  menu = [];
  constructor() {
    super();
    trays.push(this);
    show('tray');
  }
  setToolTip() {}
  setContextMenu(menu) {
    this.menu = menu;
  }
  destroy() {
    trays.splice(trays.indexOf(this), 1);
  }
}

export class Notification extends EventEmitter {
  static isSupported = () => true;
  #options;
  constructor(options) {
    super();
    this.#options = options;
  }
  show() {
    show('notice', { ...this.#options, index: notices.push(this) - 1 });
  }
}

/** Not used by what the window can ask; test/hosts/safe-secret-store.test.ts tries it. */
/** With LORELEI_TEST_KEYCHAIN a keychain is there; its cipher is none, but no text can be read in what it makes. */
const hasKeychain = process.env.LORELEI_TEST_KEYCHAIN !== undefined;
const flipped = (bytes) => Buffer.from(bytes.map((byte) => byte ^ 0x5a));
export const safeStorage = {
  isAsyncEncryptionAvailable: async () => hasKeychain,
  getSelectedStorageBackend: () => (hasKeychain ? 'gnome_libsecret' : 'basic_text'),
  encryptStringAsync: async (text) => flipped(Buffer.from(text)),
  decryptStringAsync: async (bytes) => ({ shouldReEncrypt: false, result: flipped(bytes).toString() }),
};

export const utilityProcess = {
  fork(file, parameters, { execArgv = [], env, stdio, serviceName }) {
    if (!serviceName || stdio[0] !== 'ignore') throw new TypeError('stdin must be "ignore"');
    const shim = new URL('utility-process-double.mjs', import.meta.url).href;
    const child = fork(file, parameters, {
      execArgv: ['--import', shim, ...execArgv],
      env: env ?? process.env,
      stdio: [...stdio, 'ipc'],
      serialization: 'advanced',
    });
    utilities.push(child);
    const utility = Object.assign(new EventEmitter(), {
      pid: undefined, // until it has started
      stdout: child.stdout,
      stderr: child.stderr,
      postMessage: (message) => void child.send(message, () => {}),
      kill: () => child.kill(),
    });
    child.once('spawn', () => {
      utility.pid = child.pid;
      utility.emit('spawn');
    });
    child.on('message', (message) => utility.emit('message', message));
    child.once('exit', (code) => {
      utilities.splice(utilities.indexOf(child), 1);
      utility.pid = undefined;
      utility.emit('exit', code ?? 9);
    });
    return utility;
  },
};

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => windows;
  static getFocusedWindow = () => (focused ? (windows[0] ?? null) : null);
  #page;
  #options;
  #isMaximized = false;

  webContents = Object.assign(new EventEmitter(), {
    setWindowOpenHandler: (handler) => (this.webContents.openHandler = handler),
    getURL: () => this.#page?.url().replace(substitute, origin) ?? '',
    reload: () => void this.#page.reload(),
    send: (channel, payload) =>
      // A page that is being loaded hears nothing.
      void this.#page
        ?.evaluate(([c, p]) => globalThis.__receive(c, p), [channel, structuredClone(payload)])
        .catch(() => {}),
  });

  constructor(options) {
    super();
    const { sandbox, contextIsolation, nodeIntegration, webviewTag } = options.webPreferences;
    if (!sandbox || !contextIsolation || nodeIntegration || webviewTag)
      throw new Error('the window is not locked down');
    this.#options = options;
    windows.push(this);
    app.emit('web-contents-created', new ElectronEvent(), this.webContents);
    show('window', { bounds: { x: options.x, y: options.y, width: options.width, height: options.height } });
  }

  isFocused = () => focused;
  isMinimized = () => false;
  isMaximized = () => this.#isMaximized;
  isDestroyed = () => !windows.includes(this);
  maximize = () => (this.#isMaximized = true);
  getNormalBounds = () => ({ x: 40, y: 30, width: 1100, height: 700 });
  restore() {}
  show() {}
  focus() {}

  close() {
    const event = new ElectronEvent();
    this.emit('close', event);
    if (!event.defaultPrevented) this.destroy();
  }

  destroy() {
    windows.splice(windows.indexOf(this), 1);
    const page = this.#page;
    this.#page = undefined;
    void page?.close().catch(() => {});
    this.emit('closed');
    if (windows.length === 0 && !isQuitting) app.emit('window-all-closed');
  }

  /** The renderer process knows where files that were dragged in lie, which the page's JavaScript does not. */
  async takeFiles(paths) {
    const held = paths.map((path) => {
      const { size, mtimeMs } = statSync(path);
      return { path, name: basename(path), size, modifiedAt: Math.floor(mtimeMs) };
    });
    await this.#page.evaluate((files) => (globalThis.__held = files), held);
  }

  async loadURL(url) {
    // Once: each connection answers calls from the page, those that it knows nothing of with an error.
    connection ??= chromium.connectOverCDP(process.env.LORELEI_TEST_BROWSER, { timeout: 120_000 });
    const context = (await connection).contexts()[0];
    this.#page = await context.newPage();
    const page = this.#page;
    await page.route(`${substitute}/**`, async (route) => {
      const request = route.request();
      const asked = request.url().replace(substitute, origin);
      const response = await serveScheme(new Request(asked, { method: request.method() }));
      const body = Buffer.from(await response.arrayBuffer());
      await route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body });
    });
    await page.exposeBinding('__invoke', ({ frame }, channel, request) => {
      const handler = handlers.get(channel);
      if (!handler) throw new Error(`No handler registered for '${channel}'`);
      const sender = frame.url().replace(substitute, origin);
      return handler({ senderFrame: { url: sender, parent: frame.parentFrame() } }, request);
    });
    const preload = readFileSync(this.#options.webPreferences.preload, 'utf8');
    await page.addInitScript(`(${runPreload.toString()})((require, exports, module) => {${preload}\n})`);
    await page.goto(url.replace(origin, substitute));
  }
}

/** In the page: what a sandboxed preload is given. */
function runPreload(preload) {
  const listeners = new Map();
  globalThis.__receive = (channel, payload) =>
    (listeners.get(channel) ?? []).forEach((listener) => listener({}, payload));
  const electron = {
    webUtils: {
      /** "" for a File that a script has made. */
      getPathForFile(file) {
        if (!(file instanceof File)) throw new TypeError('the argument must be a File');
        const isIt = ({ name, size, modifiedAt }) =>
          name === file.name && (file.size === 0 || size === file.size) && Math.abs(modifiedAt - file.lastModified) < 2;
        return (globalThis.__held ?? []).find(isIt)?.path ?? '';
      },
    },
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
