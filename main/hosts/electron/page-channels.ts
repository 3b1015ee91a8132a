// The contract over Electron's channels: "rpc" for what the page asks, "event" for what it is told.
import { BrowserWindow, ipcMain, type IpcMainInvokeEvent } from 'electron';
import { answer } from '../../app/answer.ts';
import type { App } from '../../app/app.ts';
import { isPageUrl } from './page-protocol.ts';

export function openChannels(app: App): void {
  ipcMain.handle('rpc', (event, request: unknown) => {
    if (!isOurPage(event))
      throw new Error(`refused a request from ${event.senderFrame?.url ?? 'a frame that is gone'}`);
    return answer(app, request);
  });
  app.listen((event) => {
    for (const window of BrowserWindow.getAllWindows()) window.webContents.send('event', event);
  });
}

/** Only the top frame of our own page may ask. */
function isOurPage(event: IpcMainInvokeEvent): boolean {
  const frame = event.senderFrame;
  return frame !== null && frame.parent === null && isPageUrl(frame.url);
}
