// Where secrets lie besides the environment: the keychain of the system, through whatever the host has for it.

export type SecretStore = {
  /** Completes "kept in …": "the macOS keychain". */
  place: string;
  /** Which doors of Lorelei find what is kept there, and which do not: a sentence. */
  reach: string;
  /**
   * The values of those that it holds. Like the others, it rejects with UserError "keychain-unavailable" where the store
   * is locked or absent, and without a signal it may wait for a person who types a password.
   */
  get(names: readonly string[], signal?: AbortSignal): Promise<Record<string, string>>;
  set(name: string, value: string): Promise<void>;
  /** False where there was nothing to remove. */
  remove(name: string): Promise<boolean>;
};
