// Types that the page has beyond the platform's: Svelte components, style sheets, and the bridge of the desktop app.
/// <reference types="svelte" />
/// <reference types="vite/client" />
import type { Bridge } from '../preload/contract.ts';

declare global {
  interface Window {
    /** Present in the desktop app; absent where a browser shows the page. */
    lorelei?: Bridge;
  }
}
