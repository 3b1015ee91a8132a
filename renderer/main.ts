// Starts the page: fonts, colours, the one root component, links that lead out of it.
import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './ui/theme.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { openLinksOutside } from './state/external-links.ts';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target });
openLinksOutside();
