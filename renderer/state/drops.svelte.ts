// Files and folders that a person drags over the window and drops: their paths in the desktop app, uploads where a
// browser shows the page. Each screen may take what is dropped anywhere on it.
import { untrack } from 'svelte';
import type { ErrorDetails } from '../../preload/contract.ts';
import { uploads } from './uploads.svelte.ts';

type Taker = {
  /** Completes "Drop …": "to add it to the data". */
  purpose: string;
  kind: 'folder' | 'files';
  take: (paths: string[]) => void;
};

const foldersNeedBrowse: ErrorDetails = {
  code: 'folder-dropped',
  message: 'A browser hands over files, but no folders.',
  fix: 'Pick the folder on Lorelei’s machine with Browse. Files of data can be dropped one by one.',
};

class Drops {
  /** Something from outside of the page is over the window. */
  over = $state(false);
  /** What the field under it is called; null beside fields. */
  field = $state<string | null>(null);
  failure = $state.raw<ErrorDetails | null>(null);
  #takers = $state.raw<readonly Taker[]>([]);

  /** Who gets what is dropped beside every field. */
  readonly taker = $derived(this.#takers.at(-1));

  /** Use it as an effect: until the returned function is called, what is dropped on the window goes there. */
  takeAll(taker: Taker): () => void {
    untrack(() => (this.#takers = [...this.#takers, taker]));
    return () => untrack(() => (this.#takers = this.#takers.filter((one) => one !== taker)));
  }

  /** The paths of what was dropped; none where it cannot be used, which `failure` then says. */
  async pathsOf(transfer: DataTransfer | null, kind: 'folder' | 'file' | 'files'): Promise<string[]> {
    this.over = false;
    this.field = null;
    this.failure = null;
    uploads.failure = null;
    // Both are gone after the event.
    const files = [...(transfer?.files ?? [])];
    const holdsFolder = [...(transfer?.items ?? [])].some((item) => item.webkitGetAsEntry()?.isDirectory === true);
    if (files.length === 0) return [];
    if (window.lorelei?.dropped) {
      const result = await window.lorelei.dropped(files);
      if (result.ok) return result.value.paths;
      this.failure = result.error;
      return [];
    }
    // Files are not sent for nothing where a folder is wanted.
    if (holdsFolder || kind === 'folder') {
      this.failure = foldersNeedBrowse;
      return [];
    }
    return uploads.send(files);
  }
}

export const drops = new Drops();

/** Whether files are dragged, and not a text or a link of the page. */
export const dragsFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') === true;
