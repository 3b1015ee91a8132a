// Which keys and tokens are set and where they lie, for every part of the screen that shows it. Values only go out.
import { host } from '../state/host.ts';
import { LongCall } from '../state/long-call.svelte.ts';
import type { ErrorDetails, SecretState } from '../../preload/contract.ts';

class Secrets {
  readonly call = new LongCall('secrets.list');

  look(): Promise<unknown> {
    return this.call.run({});
  }

  /** Nobody looks any more: a keychain that waits for its password need not be waited for. */
  leave(): void {
    this.call.cancel();
  }

  of(name: string): SecretState | undefined {
    return this.call.value?.secrets.find((one) => one.name === name);
  }

  /** Why it was refused, or null. */
  async set(name: string, value: string): Promise<ErrorDetails | null> {
    const result = await host.call('secrets.set', { name, value });
    if (!result.ok) return result.error;
    await this.look();
    return null;
  }

  async remove(name: string): Promise<ErrorDetails | null> {
    const result = await host.call('secrets.remove', { name });
    if (!result.ok) return result.error;
    await this.look();
    return null;
  }
}

export const secrets = new Secrets();
