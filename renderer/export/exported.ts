// An export that is done, as the page goes on with it.
import type { CommandInput, CommandOutput, ExportFormat } from '../../preload/contract.ts';

/** What is to be exported, wherever it goes. */
export type Choice = Pick<CommandInput<'export.push'>, 'id' | 'checkpoint' | 'format' | 'dtype' | 'maxShardSize'>;

export type Exported = {
  format: ExportFormat;
  step: number;
  warnings: string[];
  /** Of the adapter. */
  plan: Pick<CommandOutput<'export.plan'>, 'baseModel' | 'rank' | 'useDora'>;
  /** Its folder, or its repository on the Hub. */
  place: string;
  /** Of the repository. */
  hub: Pick<CommandOutput<'export.push'>, 'url' | 'isNew' | 'isPrivate'> | null;
};
