// Uploads to the Hub, by run. They take long: they go on while another screen is looked at, and are found again.
import type { CommandInput } from '../../preload/contract.ts';
import { LongCall } from '../state/long-call.svelte.ts';
import { toasts } from '../state/toasts.svelte.ts';
import type { Exported } from './exported.ts';

class HubUpload {
  readonly call = new LongCall('export.push');
  /** Where the one under way goes. */
  repo = $state('');

  /** Null where it failed or was cancelled; `call` has why. */
  async start(order: CommandInput<'export.push'>, plan: Exported['plan']): Promise<Exported | null> {
    this.repo = order.repo;
    const value = await this.call.run(order);
    if (value === null) return null;
    const { step, warnings, repo, ...hub } = value;
    toasts.show(`Uploaded to ${repo}`);
    return { format: order.format, step, warnings, plan, place: repo, hub };
  }
}

const uploads: Record<string, HubUpload> = {};

export const uploadOf = (run: string): HubUpload => (uploads[run] ??= new HubUpload());
