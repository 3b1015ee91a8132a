// Packs files as other programs do: through the library that onnxruntime-node's own install script unpacks with.
import { createRequire } from 'node:module';

type Packer = new () => { addFile: (name: string, content: Buffer) => void; toBuffer: () => Buffer };

const here = createRequire(import.meta.url);
const Zip = createRequire(here.resolve('onnxruntime-node/package.json'))('adm-zip') as Packer;

export function zipOf(files: Record<string, string | Buffer>): Buffer {
  const zip = new Zip();
  for (const [name, content] of Object.entries(files)) zip.addFile(name, Buffer.from(content));
  return zip.toBuffer();
}
