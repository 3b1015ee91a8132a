// Light or dark: as the system has it, unless the person chose one. The choice is kept by the browser.
import { MediaQuery } from 'svelte/reactivity';

export type Theme = 'system' | 'light' | 'dark';
const key = 'lorelei-theme';

class ColorScheme {
  #theme = $state<Theme>(kept());
  readonly #systemIsDark = new MediaQuery('prefers-color-scheme: dark');

  constructor() {
    this.#show();
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    localStorage.setItem(key, theme);
    this.#show();
  }

  /** What is on the screen. */
  get isDark(): boolean {
    return this.#theme === 'system' ? this.#systemIsDark.current : this.#theme === 'dark';
  }

  #show(): void {
    document.documentElement.dataset['theme'] = this.#theme;
  }
}

function kept(): Theme {
  const theme = localStorage.getItem(key);
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

export const colorScheme = new ColorScheme();
