// Asks a NuGet feed (protocol version 3) where a package lies, how long it is and what its hash is.
import { z } from 'zod';
import { messageOf, UserError } from '../errors.ts';
import type { CudaPackage } from '../engine/runtime/cuda-package.ts';
import type { RemoteFile } from '../hub/fetch-file.ts';

const serviceIndex = z.object({ resources: z.array(z.object({ '@id': z.string(), '@type': z.string() })) });
const registrationLeaf = z.object({ catalogEntry: z.string(), packageContent: z.string() });
const catalogLeaf = z.object({
  packageHash: z.string(),
  packageHashAlgorithm: z.literal('SHA512'),
  packageSize: z.number().int().positive(),
});

type Fetch = typeof fetch;

/** Throws UserError "cuda-feed-invalid", and what `fetch` throws. */
export async function packageOnFeed(
  { feedIndex, name, version }: CudaPackage,
  fetchFrom: Fetch,
  signal: AbortSignal,
): Promise<RemoteFile> {
  const ask = async <T>(schema: z.ZodType<T>, url: string): Promise<T> => {
    const response = await fetchFrom(url, { signal });
    const text = await response.text();
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw notAFeed(url, error);
    }
  };
  const { resources } = await ask(serviceIndex, feedIndex);
  // Packages whose versions carry more than three numbers are only in the newer kinds of lists.
  const lists = resources.filter(({ '@type': type }) => /^RegistrationsBaseUrl(\/|$)/.test(type));
  const list = lists.find(({ '@type': type }) => type.endsWith('/3.6.0')) ?? lists[0];
  if (list === undefined) throw notAFeed(feedIndex, 'it names no list of packages');
  const base = list['@id'].replace(/\/?$/, '/');
  const leafUrl = `${base}${name.toLowerCase()}/${version.toLowerCase()}.json`;
  const leaf = await ask(registrationLeaf, leafUrl);
  const { packageHash, packageSize } = await ask(catalogLeaf, leaf.catalogEntry);
  return {
    path: `${name.toLowerCase()}.${version.toLowerCase()}.nupkg`,
    url: leaf.packageContent,
    size: packageSize,
    hash: { kind: 'sha512', hex: Buffer.from(packageHash, 'base64').toString('hex') },
  };
}

function notAFeed(url: string, why: unknown): UserError {
  return new UserError(
    {
      code: 'cuda-feed-invalid',
      message: `${url} answered with something that a package feed never says: ${messageOf(why).split('\n')[0] ?? ''}.`,
      fix: 'A proxy may stand between. Another network helps, or installing from a file that you have fetched.',
    },
    { cause: why },
  );
}
