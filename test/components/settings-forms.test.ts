// The settings of a run as a short form, as every key and as YAML. What keys mean and what is wrong with a value is
// answered by the program itself.
import { beforeEach, describe, expect, test } from 'vitest';
import { page, userEvent, type Locator } from 'vitest/browser';
import type { Draft } from '../../preload/contract.ts';
import { draft } from '../../renderer/wizard/draft.svelte.ts';
import { recipeForm } from '../../renderer/wizard/recipe-form.svelte.ts';
import Wizard from '../../renderer/wizard/Wizard.svelte';
import { route } from '../../renderer/state/route.svelte.ts';
import { answerFor } from '../support/component-page.ts';
import { show } from '../support/mount-component.ts';

let kept: Draft[] = [];

beforeEach(async () => {
  answerFor('draft.load', () => null);
  answerFor('draft.save', (input) => void kept.push(input));
  kept = [];
  route.replace('#/new/settings');
  draft.replace({ method: 'sft', preset: 'quick-try', values: {} });
  show(Wizard, {});
  await expect.element(field('Learning rate')).toBeVisible();
  // What another test's method has is gone once that of this one is described.
  await expect.poll(() => recipeForm.describe('packing')).toBeDefined();
});

const field = (name: string): Locator => page.getByRole('textbox', { name, exact: true });
/** What stands under a field, as it is read out with it. */
const below = (name: string): string =>
  document.getElementById(field(name).element().getAttribute('aria-describedby') ?? '')?.textContent ?? '';
const isWrong = (name: string): boolean => field(name).element().getAttribute('aria-invalid') === 'true';
const back = (name: string, to: string): Locator => page.getByRole('button', { name: `Back to ${to}: ${name}` });
const marked = (): string[] =>
  [...document.querySelectorAll('.key.changed code')].map(({ textContent }) => textContent.trim());

describe('the short form', () => {
  test('begins with the preset, and marks what differs from it until it is taken back', async () => {
    // As resources/presets/sft-quick-try.yaml says.
    await expect.element(field('Steps')).toHaveValue('30');
    await expect.element(field('Learning rate')).toHaveValue('2e-4');
    expect(marked()).toEqual([]);
    await field('Steps').fill('12');
    await expect.poll(marked).toEqual(['max_steps']);
    await expect.poll(() => kept.at(-1)?.values).toEqual({ max_steps: 12 });
    // The preset's own value, in other words, is no change.
    await field('Learning rate').fill('0.00020');
    await expect.poll(() => draft.values).toEqual({ max_steps: 12 });
    await back('Steps', '30').click();
    await expect.element(field('Steps')).toHaveValue('30');
    expect(marked()).toEqual([]);
    expect(draft.values).toEqual({});
  });

  test.each([
    ['Learning rate', '-3', 'learning_rate is -3; it must be a number above 0'],
    ['Learning rate', 'fast', 'learning_rate is fast; it must be a number'],
    ['Steps', '2.5', 'max_steps is 2.5'],
  ])('%s as "%s" is told under the field as one types', async (name, text, words) => {
    await field(name).fill(text);
    await expect.poll(() => below(name)).toContain(words);
    expect(isWrong(name)).toBe(true);
    await expect.element(field(name)).toHaveValue(text);
    await field(name).fill('7');
    await expect.poll(() => isWrong(name)).toBe(false);
    expect(below(name)).not.toContain(words);
  });

  test('another preset and another method have their own values; what was typed stays', async () => {
    await field('Batch size').fill('3');
    await page.getByRole('radio', { name: /^Balanced/ }).click();
    await expect.poll(() => draft.preset).toBe('balanced');
    await expect.element(field('Batch size')).toHaveValue('3');
    expect(draft.values).toEqual({ per_device_train_batch_size: 3 });
    await page.getByRole('radio', { name: /^Preferences \(DPO\)/ }).click();
    await expect.element(field('Beta')).toHaveValue('0.1');
    await expect.element(field('Batch size')).toHaveValue('3');
  });
});

describe('all settings', () => {
  const search = page.getByRole('searchbox', { name: 'Search settings' });
  const keys = (): string[] => [...document.querySelectorAll('.key .names code')].map(({ textContent }) => textContent);

  beforeEach(async () => {
    await page.getByText(/^All \d+ settings$/).click();
    await expect.element(search).toBeVisible();
  });

  test('are found by key, by name and by what they do', async () => {
    const all = keys().length;
    expect(all).toBeGreaterThan(60);
    await expect.element(page.getByRole('status')).toHaveTextContent(`${String(all)} of ${String(all)}`);
    await search.fill('lora_dropout');
    await expect.poll(keys).toEqual(['lora_dropout']);
    await search.fill('warmup steps');
    await expect.poll(keys).toContain('warmup_steps');
    expect(keys()).not.toContain('lora_dropout');
    await search.fill('no such thing');
    await expect.element(page.getByText('No setting has these words.')).toBeVisible();
    await expect.element(page.getByRole('status')).toHaveTextContent(`0 of ${String(all)}`);
  });

  test('can be cut down to what was changed', async () => {
    await page.getByRole('switch', { name: 'Only changed' }).click();
    await expect.element(page.getByText('Nothing differs from the preset.')).toBeVisible();
    draft.set({ seed: 7 });
    await expect.poll(keys).toEqual(['seed']);
  });

  test('have the control that fits them', async () => {
    await search.fill('lr_scheduler_type');
    await page.getByRole('combobox', { name: /schedule/i }).selectOptions('cosine');
    expect(draft.values).toEqual({ lr_scheduler_type: 'cosine' });
    await search.fill('use_dora');
    await page.getByRole('switch', { name: /dora/i }).click();
    expect(draft.values).toMatchObject({ use_dora: true });
    await search.fill('lora_target_modules');
    await page.getByRole('textbox', { name: 'Layers with LoRA' }).fill('q_proj, v_proj');
    await expect.poll(() => draft.values['lora_target_modules']).toEqual(['q_proj', 'v_proj']);
  });
});

describe('YAML', () => {
  const editor = page.getByRole('textbox', { name: 'The recipe as YAML' });
  const text = (): string =>
    [...editor.element().querySelectorAll('.cm-line')].map(({ textContent }) => textContent).join('\n');
  const openView = async (name: string | RegExp): Promise<void> => {
    await page.getByText(name, typeof name === 'string' ? { exact: true } : {}).click();
  };

  test('says what the form says, and the form what is typed there', async () => {
    await field('Steps').fill('12');
    await openView('YAML');
    await expect.poll(text).toMatch(/^max_steps: 12$/m);
    await editor.click();
    await userEvent.keyboard('{Control>}{End}{/Control}{Enter}seed: 7');
    await expect.poll(() => draft.values).toEqual({ max_steps: 12, seed: 7 });
    await openView('What matters most');
    await expect.element(field('Steps')).toHaveValue('12');
    expect(draft.preset).toBe('quick-try');
  });

  test('a line that is wrong is told, and nothing is taken over until it is mended', async () => {
    await openView('YAML');
    await expect.poll(text).toMatch(/^max_steps: 30$/m);
    await editor.click();
    await userEvent.keyboard('{Control>}{End}{/Control}{Enter}seed: 7: 8');
    await expect.element(page.getByRole('alert')).toBeVisible();
    expect(draft.values).toEqual({});
    await userEvent.keyboard('{Backspace}{Backspace}{Backspace}');
    await expect.poll(() => draft.values).toEqual({ seed: 7 });
    expect(page.getByRole('alert').query()).toBeNull();
  });
});
