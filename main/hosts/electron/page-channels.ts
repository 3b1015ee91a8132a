// The contract over Electron's channels: "rpc" for what the page asks, "event" for what it is told, "dropped" for the paths
// that the preload found in dropped files.
import { BrowserWindow, ipcMain, type IpcMainInvokeEvent } from 'electron';
import { answer } from '../../app/answer.ts';
import type { App } from '../../app/app.ts';
import { grantDropped } from '../../app/granted-drop.ts';
import { isPageUrl } from './page-protocol.ts';

export function openChannels(app: App): void {
  ipcMain.handle('rpc', (event, request: unknown) => {
    requireOurPage(event);
    return answer(app, request);
  });
  // Not a command: the page has the preload say what was dropped, and cannot say it itself.
  ipcMain.handle('dropped', (event, paths: unknown) => {
    requireOurPage(event);
    return grantDropped(app, paths);
  });
  app.listen((event) => {
    for (const window of BrowserWindow.getAllWindows()) window.webContents.send('event', event);
  });
}

function requireOurPage(event: IpcMainInvokeEvent): void {
  if (isOurPage(event)) return;
  throw new Error(`refused a request from ${event.senderFrame?.url ?? 'a frame that is gone'}`);
}

/** Only the top frame of our own page may ask. */
function isOurPage(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isPageUrl(frame.url);
}
