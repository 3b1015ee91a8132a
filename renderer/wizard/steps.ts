// The steps of the wizard, in order. Each reads and writes the draft, and can be visited at any time.
import type { Component } from 'svelte';
import { dataset } from './data/dataset.svelte.ts';
import DataStep from './data/DataStep.svelte';
import { dataSummary } from './data-name.ts';
import { draft } from './draft.svelte.ts';
import ModelStep from './model/ModelStep.svelte';
import { modelSummary } from './model/model-name.ts';
import ReviewStep from './review/ReviewStep.svelte';
import { recipeForm } from './recipe-form.svelte.ts';
import SettingsStep from './settings/SettingsStep.svelte';
import { settingsSummary } from './settings/summary.ts';

export type WizardStep = {
  /** Second part of the address: "#/new/data". */
  id: string;
  title: string;
  component: Component;
  /** One line on what is set, for the list of steps; null where something is still missing. */
  summary: () => string | null;
};

export const steps: readonly WizardStep[] = [
  {
    id: 'model',
    title: 'Model',
    component: ModelStep,
    summary: () => modelSummary(draft.text('model_name_or_path'), draft.text('adapter_name_or_path')),
  },
  {
    id: 'data',
    title: 'Data',
    component: DataStep,
    summary: () => (dataset.problem ? null : dataSummary(draft.values)),
  },
  {
    id: 'settings',
    title: 'Method and settings',
    component: SettingsStep,
    summary: () => (recipeForm.mendIn('settings') ? null : settingsSummary(draft.method, draft.preset)),
  },
  { id: 'review', title: 'Review and start', component: ReviewStep, summary: () => null },
];
