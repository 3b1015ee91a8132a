// Who may talk to `lorelei serve`: a link with a secret that works once, then a cookie that expires when unused.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const IDLE_MS = 12 * 3_600_000;

/** Of a secret's bytes: more than anybody can guess, so the right one is let in however many wrong ones came before. */
const SECRET_BYTES = 24;

/** Beyond so many wrong secrets in a minute more are told to wait. */
const GUESSES_A_MINUTE = 10;

export class Sessions {
  #secret = newSecret();
  readonly #expiry = new Map<string, number>();
  #wrongAt: number[] = [];
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** What the next link carries. Each is good for one window; then there is another. */
  get secret(): string {
    return this.#secret;
  }

  /** Whether somebody sends one wrong secret after another. */
  get hearsGuesses(): boolean {
    this.#wrongAt = this.#wrongAt.filter((at) => this.#now() - at < 60_000);
    return this.#wrongAt.length > GUESSES_A_MINUTE;
  }

  /** A new session for whoever knows the secret, undefined for anyone else. */
  open(secret: string): string | undefined {
    if (!sameText(secret, this.#secret)) {
      if (!this.hearsGuesses) this.#wrongAt.push(this.#now());
      return undefined;
    }
    this.#secret = newSecret();
    const session = newSecret();
    this.#expiry.set(session, this.#now() + IDLE_MS);
    return session;
  }

  /** True while the session is in use; asking prolongs it. */
  isOpen(session: string | undefined): boolean {
    if (session === undefined) return false;
    const open = (this.#expiry.get(session) ?? 0) > this.#now();
    if (open) this.#expiry.set(session, this.#now() + IDLE_MS);
    else this.#expiry.delete(session);
    return open;
  }
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** Compares in a time that tells nothing about where they differ. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
