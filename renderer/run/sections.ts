// The parts of a run's page, by the third part of the address: "#/runs/ID/samples". The first one has none.

export const sections = [
  { id: '', title: 'Charts' },
  { id: 'samples', title: 'Samples' },
  { id: 'events', title: 'Events and log' },
  { id: 'files', title: 'Checkpoints and exports' },
  { id: 'recipe', title: 'Recipe' },
  { id: 'notes', title: 'Notes' },
] as const;

export type SectionId = (typeof sections)[number]['id'];

export const sectionOf = (part: string | undefined): SectionId => sections.find(({ id }) => id === part)?.id ?? '';
