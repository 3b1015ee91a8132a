// The devices that a recipe may name on this machine, by name and memory, as its select shows them.
import type { CommandOutput, Settings } from '../../../preload/contract.ts';
import { host } from '../../state/host.ts';
import { cardMemoryText } from '../../ui/size-text.ts';

export type DeviceOption = { value: string; text: string };
type Report = CommandOutput<'devices.list'>;
type Device = Report['devices'][number];

class DeviceOptions {
  #report = $state.raw<Report | null>(null);
  /** What runs take whose recipe names none. */
  #settings = $state.raw<Settings['device']>('auto');

  readonly gpus = $derived((this.#report?.devices ?? []).filter(({ name }) => name.startsWith('cuda')));

  /** Asks what there is. Use it as an effect. */
  async look(): Promise<void> {
    const [report, settings] = await Promise.all([host.call('devices.list', {}), host.call('settings.load', {})]);
    if (report.ok) this.#report = report.value;
    if (settings.ok) this.#settings = settings.value.settings.device;
  }

  /** What can be picked, with what is picked among it. */
  with(picked: string): DeviceOption[] {
    const devices = (this.#report?.devices ?? []).filter(
      ({ name, outcome }) => outcome === 'conforms' || outcome === 'untried' || name === picked,
    );
    const several = this.gpus.length > 1 ? [{ value: 'cuda', text: 'cuda — the first GPU that is free' }] : [];
    const options = [
      { value: 'auto', text: this.#automatic() },
      ...several,
      ...devices.map((device) => ({ value: device.name, text: textOf(device) })),
    ];
    if (options.some(({ value }) => value === picked)) return options;
    return [...options, { value: picked, text: this.#report === null ? picked : `${picked} — not found here` }];
  }

  /** What a run gets that names `device`; undefined where that needs no word. */
  wordsFor(device: unknown): string | undefined {
    const taken = typeof device === 'string' && device !== 'auto' ? device : this.#settings;
    if (taken === 'auto') return undefined;
    if (taken === 'cuda') return 'the first GPU that is free';
    const found = this.#report?.devices.find(({ name }) => name === taken);
    return found === undefined ? taken : textOf(found);
  }

  #automatic(): string {
    return this.#settings === 'auto'
      ? 'auto — the fastest that works here'
      : `auto — ${this.#settings}, as in Settings`;
  }
}

/** "cuda:1 — NVIDIA GeForce RTX 4090, 24 GB" */
function textOf({ name, title, memoryBytes, outcome }: Device): string {
  const model = title.replace(/ \(CUDA\)$/, '');
  const memory = name === 'cpu' || memoryBytes === null ? '' : `, ${cardMemoryText(memoryBytes)}`;
  return `${name} — ${model}${memory}${outcome === 'untried' ? ', not tried yet' : ''}`;
}

export const deviceOptions = new DeviceOptions();
