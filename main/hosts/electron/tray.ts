// The icon in the tray, for runs that go on without a window.
import { Menu, nativeImage, Tray } from 'electron';
import { resourcePath } from '../../app/resources.ts';

const LOOK_MS = 1000;

type TrayActions = {
  /** The runs that go on. */
  runs: () => readonly string[];
  show: () => void;
  quit: () => void;
};

/** Removed by the returned function. */
export function openTray({ runs, show, quit }: TrayActions): () => void {
  const tray = new Tray(nativeImage.createFromPath(resourcePath('icons', 'tray.png')));
  const menuOf = (current: readonly string[]) =>
    Menu.buildFromTemplate([
      { label: 'Open Lorelei', click: show },
      { type: 'separator' },
      { label: current.length === 0 ? 'Quit' : 'Stop, save and quit', click: quit },
    ]);
  let said: string | undefined;
  const look = (): void => {
    const current = runs();
    const words = current.length === 0 ? 'Lorelei: nothing runs' : `Lorelei: ${current.join(', ')} is training`;
    if (words === said) return;
    said = words;
    tray.setToolTip(words);
    tray.setContextMenu(menuOf(current));
  };
  look();
  tray.on('click', show);
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    tray.destroy();
  };
}
