// The steps of the wizard, in order. Each reads and writes the draft, and can be visited at any time.
import type { Component } from 'svelte';

export type WizardStep = {
  /** Second part of the address: "#/new/data". */
  id: string;
  title: string;
  component: Component;
  /** One line on what is set, for the list of steps; null where something is still missing. */
  summary: () => string | null;
};

export const steps: readonly WizardStep[] = [];
