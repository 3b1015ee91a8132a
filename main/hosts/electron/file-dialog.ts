// The system's own dialog for files and folders, and the question whether the page may use one that was named otherwise.
import { BrowserWindow, dialog, type MessageBoxOptions, type OpenDialogOptions } from 'electron';
import type { CommandInput } from '../../../preload/contract.ts';

/** The paths that were picked; none where the person cancelled. */
export async function chooseFiles(request: CommandInput<'files.choose'>): Promise<string[]> {
  const { kind, endings, start, title } = request;
  const properties: OpenDialogOptions['properties'] =
    kind === 'folder'
      ? ['openDirectory', 'createDirectory']
      : kind === 'file'
        ? ['openFile']
        : ['openFile', 'multiSelections'];
  const extensions = endings.map((ending) => ending.replace(/^\./, ''));
  const options: OpenDialogOptions = {
    title,
    properties,
    ...(start !== undefined && { defaultPath: start }),
    ...(kind !== 'folder' &&
      extensions.length > 0 && {
        filters: [
          { name: endings.join(', '), extensions },
          { name: 'All files', extensions: ['*'] },
        ],
      }),
  };
  const window = frontWindow();
  const { canceled, filePaths } =
    window === undefined ? await dialog.showOpenDialog(options) : await dialog.showOpenDialog(window, options);
  return canceled ? [] : filePaths;
}

let isAsking = false;

/**
 * Whether the person lets the window use paths that were typed or stand in a recipe. Names them; a page that was taken
 * over can ask, but not answer, and only one question at a time.
 */
export async function confirmFiles(paths: readonly string[]): Promise<boolean> {
  if (isAsking) return false;
  isAsking = true;
  try {
    const shown = paths.slice(0, PATHS_SHOWN);
    const more = paths.length - shown.length;
    const options: MessageBoxOptions = {
      type: 'question',
      message: paths.length === 1 ? 'Let Lorelei use this path?' : `Let Lorelei use these ${paths.length} paths?`,
      detail: [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n'),
      buttons: ['Allow', 'Cancel'],
      defaultId: 0,
      cancelId: 1,
      noLink: true,
    };
    const window = frontWindow();
    const { response } =
      window === undefined ? await dialog.showMessageBox(options) : await dialog.showMessageBox(window, options);
    return response === 0;
  } finally {
    isAsking = false;
  }
}

const PATHS_SHOWN = 12;

const frontWindow = () => BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
