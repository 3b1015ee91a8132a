// What goes wrong between here and the feed, in words for a person.
import type { CudaPackage } from '../engine/runtime/cuda-package.ts';
import { hasSystemCode, UserError } from '../errors.ts';
import { HubRefusal, HubSilence } from '../hub/access.ts';

/** Runs `work`; what the network refuses in it becomes a UserError. */
export async function withFeedProblems<T>(source: CudaPackage, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw feedProblem(error, source);
  }
}

function feedProblem(error: unknown, { feedIndex, name, version }: CudaPackage): unknown {
  const host = new URL(feedIndex).host;
  const told = (code: string, message: string, fix: string): UserError =>
    new UserError({ code, message, fix }, { cause: error });
  const byHand = `Or fetch ${name} ${version} on another machine and install from that file.`;
  if (error instanceof HubSilence)
    return told(
      'cuda-feed-unreachable',
      `The package feed ${host} cannot be reached: ${error.message}.`,
      `Check the connection, then go on: what came so far is kept. ${byHand}`,
    );
  if (error instanceof HubRefusal)
    return told(
      'cuda-feed-refused',
      `The package feed ${host} refused with status ${error.status}.`,
      `Try again later: what came so far is kept. ${byHand}`,
    );
  if (error instanceof UserError && error.code === 'hub-checksum')
    return told(
      'cuda-checksum',
      `${name} ${version} came complete but is not what the feed's catalog lists (its SHA-512 or length differs). It was thrown away.`,
      'Try again. If it happens again, something on the way changes files: another network helps.',
    );
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT'))
    return told(
      'disk-full',
      'The disk of the home folder became full during the download.',
      'Free some space, then go on: what came so far is kept. LORELEI_HOME moves the home folder to another disk.',
    );
  return error;
}
