// Short words on what was just done, with a way to undo it. They go by themselves.

export type Toast = { id: number; text: string; action?: { text: string; run: () => void } };

const SHOWN_MS = 8000;

class Toasts {
  list = $state<Toast[]>([]);
  #next = 0;

  /** "Deleted calm-otter", with Undo as the action. */
  show(text: string, action?: Toast['action']): void {
    const id = this.#next++;
    this.list.push({ id, text, ...(action && { action }) });
    setTimeout(() => this.remove(id), SHOWN_MS);
  }

  remove(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
