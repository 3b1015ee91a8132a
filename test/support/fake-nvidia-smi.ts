// A script that answers as NVIDIA's nvidia-smi does to the queries that Lorelei asks.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type FakeGpu = {
  index: number;
  name: string;
  driver: string;
  /** MiB. */
  total: number;
  used: number;
  utilization: number | string;
  capability: string;
  uuid?: string;
};

/** Put `folder` into PATH. */
export function fakeNvidiaSmi(folder: string, gpus: readonly FakeGpu[]): void {
  mkdirSync(folder, { recursive: true });
  const lines = gpus.map(
    ({ index, name, driver, total, used, utilization, capability, uuid = `GPU-${index}` }) => `
if [ -z "$id" ] || [ "$id" = "${index}" ] || [ "$id" = "0000:0${index}:00.0" ]; then
  case "$query" in
    *compute_cap*) echo "${index}, ${name}, ${driver}, ${total}, ${capability}, ${uuid}" ;;
    *) echo "${used}, ${total}, ${utilization}" ;;
  esac
fi`,
  );
  const script = `#!/bin/sh
for word in "$@"; do
  case "$word" in
    --query-gpu=*) query="$word" ;;
    --id=*) id="\${word#--id=}" ;;
  esac
done
${lines.join('')}
`;
  writeFileSync(join(folder, 'nvidia-smi'), script);
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
}
