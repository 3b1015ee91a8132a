// What onnxruntime-node says about its CUDA part, which it leaves out: the feed, the package and the files in it. Read
// from its own install script's table, so that both are always of one version; loads no library.
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export type CudaPackage = {
  /** Address of the feed's service index (NuGet's protocol, version 3). */
  feedIndex: string;
  /** "Microsoft.ML.OnnxRuntime.Gpu.Linux" */
  name: string;
  version: string;
  /** Libraries: where they lie in the package, and their names beside libonnxruntime. */
  files: readonly { path: string; name: string }[];
};

type Metadata = {
  requirements: Record<string, string[]>;
  manifests: Record<string, Record<string, { package: string; path: string }>>;
  packages: Record<string, { name: string; versions: { feed: string; version: string }[] }>;
  feeds: Record<string, { type: string; index: string }>;
};

const requireHere = createRequire(import.meta.url);

/** Undefined on platforms for which there is none. */
export function cudaPackage(platform = `${process.platform}/${process.arch}`): CudaPackage | undefined {
  const metadata = requireHere('onnxruntime-node/script/install-metadata.js') as Metadata;
  const manifestName = metadata.requirements[platform]?.find((name) => name.startsWith('cuda'));
  const manifest = metadata.manifests[`${platform}:${manifestName ?? ''}`];
  const entries = Object.entries(manifest ?? {});
  const found = metadata.packages[entries[0]?.[1].package ?? ''];
  const release = found?.versions.find(({ feed }) => metadata.feeds[feed]?.type === 'nuget');
  const feed = metadata.feeds[release?.feed ?? ''];
  if (found === undefined || release === undefined || feed === undefined) return undefined;
  const files = entries.map(([target, { path }]) => ({ path, name: basename(target) }));
  return { feedIndex: feed.index, name: found.name, version: release.version, files };
}

/** Of onnxruntime-node. */
export function libraryVersion(): string {
  return (requireHere('onnxruntime-node/package.json') as { version: string }).version;
}

/** The folders of the library's packages as npm has installed them, which may be read-only. */
export function libraryPackages(): { name: string; folder: string }[] {
  const node = dirname(requireHere.resolve('onnxruntime-node/package.json'));
  const common = createRequire(join(node, 'package.json')).resolve('onnxruntime-common');
  const marker = join('node_modules', 'onnxruntime-common');
  return [
    { name: 'onnxruntime-node', folder: node },
    { name: 'onnxruntime-common', folder: common.slice(0, common.lastIndexOf(marker) + marker.length) },
  ];
}

/** Where the library and its parts lie in onnxruntime-node: "bin/napi-v6/linux/x64". */
export const binaryFolder = join('bin', 'napi-v6', process.platform, process.arch);
