// A keychain in memory.
import type { SecretStore } from '../../main/app/secrets/secret-store.ts';

export function storeOf(held: Record<string, string>): SecretStore {
  return {
    place: 'a keychain in memory',
    reach: 'Only this test reads it.',
    get: (names) => Promise.resolve(Object.fromEntries(Object.entries(held).filter(([name]) => names.includes(name)))),
    set: (name, value) => Promise.resolve(void (held[name] = value)),
    remove(name) {
      const was = name in held;
      Reflect.deleteProperty(held, name);
      return Promise.resolve(was);
    },
  };
}
