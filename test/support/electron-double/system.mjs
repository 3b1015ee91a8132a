// What Electron shows of the system outside of the page, told to the test instead: dialogs, notices, tray, menu, browser.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { askPerson, onCommand, report } from './control.mjs';

export const dialog = {
  async showMessageBox(...given) {
    const options = given.at(-1);
    const { message, detail, buttons } = options;
    const label = await askPerson('message-box', { message, detail, buttons });
    const response = buttons.indexOf(label);
    if (response < 0) throw new Error(`there is no button ${label}`);
    return { response, checkboxChecked: false };
  },
  async showOpenDialog(...given) {
    const filePaths = await askPerson('open-dialog', given.at(-1));
    return { canceled: filePaths.length === 0, filePaths };
  },
};

export class Notification extends EventEmitter {
  static isSupported = () => true;
  constructor(options) {
    super();
    this.options = options;
  }
  show() {
    report('notice', this.options);
    onCommand('click-notice', () => this.emit('click'));
  }
}

export const Menu = {
  buildFromTemplate: (items) => ({ items }),
  setApplicationMenu: ({ items }) =>
    report(
      'menu',
      items.map(({ label, role }) => label ?? role),
    ),
};

export const nativeImage = {
  createFromPath(path) {
    if (!existsSync(path)) throw new Error(`an empty image: ${path}`);
    return { path };
  },
};

export class Tray extends EventEmitter {
  #items = [];
  constructor() {
    super();
    report('tray', 'open');
    onCommand('tray', ({ choose }) => {
      const item = this.#items.find(({ label }) => label === choose);
      if (!item) throw new Error(`the tray has no ${choose}`);
      item.click();
    });
  }
  setToolTip(text) {
    report('tray', text);
  }
  setContextMenu({ items }) {
    this.#items = items;
  }
  destroy() {
    report('tray', 'gone');
  }
}

export const shell = { openExternal: async (url) => report('opened', url) };
export const screen = { getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }] };
export const powerMonitor = new EventEmitter();
onCommand('shutdown', () => {
  let prevented = false;
  powerMonitor.emit('shutdown', { preventDefault: () => (prevented = true) });
  return prevented;
});

/** A key that no file of the test's home holds. */
const key = createHash('sha256').update('the keychain of the double').digest();
const backend = process.env.LORELEI_TEST_KEYCHAIN ?? 'gnome_libsecret';
export const safeStorage = {
  isEncryptionAvailable: () => backend !== 'unknown',
  getSelectedStorageBackend: () => backend,
  encryptString(text) {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]);
  },
  decryptString(bytes) {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    return decipher.update(bytes.subarray(28), undefined, 'utf8') + decipher.final('utf8');
  },
};
