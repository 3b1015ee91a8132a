// The door of the desktop app: one sandboxed window that shows the page, and the contract over Electron's channels.
// What is asked is answered by app/.
import { app as electron, BrowserWindow, ipcMain, protocol, session, type IpcMainInvokeEvent } from 'electron';
import { join } from 'node:path';
import { answer } from '../app/answer.ts';
import { openApp } from '../app/app.ts';
import { serveWindows } from '../app/window-host.ts';
import { forkedErrands } from './cli/fork-errand.ts';
import { forkedJobs } from './cli/fork-job.ts';
import { pageFile } from './page.ts';

/** The page has an origin of its own: files of the disk have none that could be told apart. */
const pageUrl = 'lorelei://app/';
const pageFolder = join(import.meta.dirname, '../renderer');
const preload = join(import.meta.dirname, '../preload/index.cjs');

protocol.registerSchemesAsPrivileged([
  { scheme: 'lorelei', privileges: { standard: true, secure: true, supportFetchAPI: true } },
]);

if (electron.requestSingleInstanceLock()) void electron.whenReady().then(start);
else electron.quit();

function start(): void {
  const app = openApp({ launchJob: forkedJobs(), launchErrand: forkedErrands(), kind: 'desktop' });
  serveThePage();
  refusePermissions();

  ipcMain.handle('rpc', (event, request: unknown) => {
    if (!isOurPage(event))
      throw new Error(`refused a request from ${event.senderFrame?.url ?? 'a frame that is gone'}`);
    return answer(app, request);
  });

  const endServing = serveWindows(app);
  app.listen((event) => {
    for (const window of BrowserWindow.getAllWindows()) window.webContents.send('event', event);
  });

  openWindow();
  electron.on('second-instance', () => {
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  electron.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) openWindow();
  });
  electron.on('window-all-closed', () => {
    if (process.platform !== 'darwin') electron.quit();
  });
  electron.on('will-quit', () => {
    endServing();
    app.history.close();
  });
}

function openWindow(): void {
  const window = new BrowserWindow({
    width: 1200,
    height: 800,
    minWidth: 640,
    minHeight: 480,
    title: 'Lorelei',
    webPreferences: { preload, sandbox: true, contextIsolation: true, nodeIntegration: false },
  });
  window.webContents.setWindowOpenHandler(() => ({ action: 'deny' }));
  window.webContents.on('will-navigate', (event) => {
    if (!isPageUrl(event.url)) event.preventDefault();
  });
  void window.loadURL(pageUrl);
}

function serveThePage(): void {
  protocol.handle('lorelei', async (request) => {
    const file = await pageFile(pageFolder, new URL(request.url).pathname);
    if (file === undefined) return new Response('There is nothing here.', { status: 404 });
    return new Response(new Uint8Array(file.body), { headers: file.headers });
  });
}

/** The page needs nothing of the machine but to copy text. */
function refusePermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) => {
    decide(permission === 'clipboard-sanitized-write');
  });
}

/** Only the top frame of our own page may ask. */
function isOurPage(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isPageUrl(frame.url);
}

function isPageUrl(url: string): boolean {
  return url.startsWith(pageUrl);
}
