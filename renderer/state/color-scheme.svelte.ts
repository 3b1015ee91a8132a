// Whether the system asks for dark surfaces, as state.
import { MediaQuery } from 'svelte/reactivity';

export const prefersDark = new MediaQuery('prefers-color-scheme: dark');
