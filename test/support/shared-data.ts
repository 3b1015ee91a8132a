// Where the development data lies that is not part of the project: ../shared/data beside the checkout.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../shared/data', import.meta.url));

/** Absolute path of the shared development data, or undefined where it is absent. */
export const sharedData: string | undefined = existsSync(folder) ? folder : undefined;

if (sharedData === undefined) console.warn('skipping tests on real data: ../shared/data is not beside this checkout');
