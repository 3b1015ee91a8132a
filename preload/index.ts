// The narrow bridge of the desktop app: one channel for requests, one for events, and one for the paths of dropped files,
// which are read here so that the page cannot make them up. Nothing of Electron beyond them.
import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { IpcRendererEvent } from 'electron';
import type { AppEvent, Bridge } from './contract.ts';

const bridge: Bridge = {
  call: (command, input, task) => ipcRenderer.invoke('rpc', { command, input, task }),
  dropped: (files) =>
    ipcRenderer.invoke(
      'dropped',
      files.map((file) => webUtils.getPathForFile(file)),
    ),
  onEvent(listener) {
    const forward = (_event: IpcRendererEvent, appEvent: AppEvent): void => listener(appEvent);
    ipcRenderer.on('event', forward);
    return () => void ipcRenderer.off('event', forward);
  },
};

contextBridge.exposeInMainWorld('lorelei', bridge);
