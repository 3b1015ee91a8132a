// The screens: the first part of the address -> what shows it. Those with an icon have a place in the rail, in order.
import type { Component } from 'svelte';
import CirclePlus from '@lucide/svelte/icons/circle-plus';
import GitCompareArrows from '@lucide/svelte/icons/git-compare-arrows';
import List from '@lucide/svelte/icons/list';
import MessagesSquare from '@lucide/svelte/icons/messages-square';
import SettingsIcon from '@lucide/svelte/icons/settings';
import Compare from './compare/Compare.svelte';
import Export from './export/Export.svelte';
import Runs from './runs/Runs.svelte';
import Settings from './settings/Settings.svelte';
import TryIt from './try/TryIt.svelte';
import Wizard from './wizard/Wizard.svelte';

export type Screen = {
  name: string;
  title: string;
  component: Component;
  icon?: Component<{ size?: number }>;
};

export const screens: readonly Screen[] = [
  { name: 'runs', title: 'Runs', component: Runs, icon: List },
  { name: 'new', title: 'New run', component: Wizard, icon: CirclePlus },
  { name: 'compare', title: 'Compare', component: Compare, icon: GitCompareArrows },
  { name: 'try', title: 'Try it', component: TryIt, icon: MessagesSquare },
  { name: 'export', title: 'Export', component: Export },
  { name: 'settings', title: 'Settings', component: Settings, icon: SettingsIcon },
];
