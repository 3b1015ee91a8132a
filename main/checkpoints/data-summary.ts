// What a run was trained on, in numbers: kept in the run's folder, so that model cards can tell it at any later time.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readJsonObject } from './json-file.ts';

const fileName = 'data.json';

const dataSummary = z.object({
  /** Paths. A card shows names only. */
  files: z.array(z.string()),
  /** Detected shape of the rows: "prompt-completion". */
  shape: z.string(),
  template: z.string(),
  rows: z.number(),
  /** Rows that were trained on. */
  usable: z.number(),
  truncated: z.number(),
  tokens: z.number(),
  trainedTokens: z.number(),
  lengthPercentiles: z.record(z.string(), z.number()),
  /** Source of the chat template that wrote the conversations. */
  chatTemplate: z.string().optional(),
});

export type DataSummary = z.infer<typeof dataSummary>;

/** Data's report, or anything else that says as much. */
type Report = Omit<DataSummary, 'files'> & { files: readonly { file: string }[] };

export function writeDataSummary(runDir: string, report: Report): void {
  const summary = dataSummary.parse({ ...report, files: report.files.map(({ file }) => file) });
  mkdirSync(runDir, { recursive: true });
  writeFileSync(join(runDir, fileName), `${JSON.stringify(summary, null, 1)}\n`);
}

/** Undefined where the run never came so far. */
export function readDataSummary(runDir: string): DataSummary | undefined {
  const path = join(runDir, fileName);
  return existsSync(path) ? dataSummary.safeParse(readJsonObject(path, 'data-summary-invalid')).data : undefined;
}
