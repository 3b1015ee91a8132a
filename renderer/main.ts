// Starts the page: fonts, colours, the one root component.
import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './ui/theme.css';
import { mount } from 'svelte';
import App from './App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(App, { target });
