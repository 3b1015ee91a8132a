// The narrow bridge of the desktop app: one request channel, one event channel, nothing of Electron beyond them.
import { contextBridge, ipcRenderer } from 'electron';
import type { IpcRendererEvent } from 'electron';
import type { AppEvent, Bridge } from './contract.ts';

const bridge: Bridge = {
  call: (command, input, task) => ipcRenderer.invoke('rpc', { command, input, task }),
  onEvent(listener) {
    const forward = (_event: IpcRendererEvent, appEvent: AppEvent): void => listener(appEvent);
    ipcRenderer.on('event', forward);
    return () => void ipcRenderer.off('event', forward);
  },
};

contextBridge.exposeInMainWorld('lorelei', bridge);
