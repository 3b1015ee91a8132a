// Catches the UserError that bad input deserves, so that a test can look at its code and words.
import { UserError } from '../../main/errors.ts';

/** The UserError that `work` throws. Anything else, or nothing, fails the test. */
export function userErrorOf(work: () => unknown): UserError {
  try {
    work();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
