// All export targets.
import { UserError } from '../errors.ts';
import { merged } from './merged.ts';
import { peft } from './peft.ts';
import type { ExportTarget } from './target.ts';

export const exportTargets: readonly ExportTarget[] = [peft, merged];

/** Throws UserError "export-target-unknown". */
export function exportTarget(name: string): ExportTarget {
  const target = exportTargets.find((one) => one.name === name);
  if (target !== undefined) return target;
  throw new UserError({
    code: 'export-target-unknown',
    message: `There is no export format ${name}.`,
    fix: `Use ${exportTargets.map((one) => `${one.name} (${one.description})`).join(', or ')}.`,
  });
}
