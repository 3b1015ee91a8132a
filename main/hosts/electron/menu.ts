// The application menu: what a desktop program has, and nothing that would show the page's insides to its users.
import { app as electron, Menu, type MenuItemConstructorOptions } from 'electron';

export function setMenu(): void {
  const isMac = process.platform === 'darwin';
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
  ];
  const forDevelopers: MenuItemConstructorOptions[] = [
    { type: 'separator' },
    { role: 'reload' },
    { role: 'toggleDevTools' },
  ];
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      isMac ? { role: 'appMenu' } : { label: '&File', submenu: [{ role: 'close' }, { role: 'quit' }] },
      { role: 'editMenu' },
      { label: '&View', submenu: electron.isPackaged ? view : [...view, ...forDevelopers] },
      { role: 'windowMenu' },
    ]),
  );
}
