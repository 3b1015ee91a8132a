// Whether the finished adapter may go into a folder; asked before anything starts. Writes nothing.
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../errors.ts';

/** Files that lie beside everything we write into a folder; these, and what was asked for, may be replaced. */
const BESIDE =
  /^(README\.md|loss\.png|.*token.*|chat_template\.(jinja|json)|vocab\.json|merges\.txt|generation_config\.json|recipe\.yaml)$/;
const ADAPTER = /^(adapter_config\.json|adapter_model\.safetensors)$/;

/** Where TensorBoard's files go, as with transformers: they lie beside an adapter and are never replaced. */
const LOG_FOLDER = 'runs';

/** How the user names the folder and the wish to replace what is in it. */
export type OutputWords = { folder: string; overwrite: string };

const RECIPE_WORDS: OutputWords = { folder: 'output_dir', overwrite: 'set overwrite_output_dir: true' };

/**
 * Throws UserError "output-not-a-folder", "output-not-empty" or "output-not-writable" unless the result can be written
 * to `folder`: it is missing or empty, or holds nothing but an earlier one, whose main files `result` matches, and
 * `mayReplace` is true.
 */
export function checkOutputFolder(
  folder: string,
  mayReplace: boolean,
  words: OutputWords = RECIPE_WORDS,
  result = ADAPTER,
): void {
  if (existsSync(folder)) {
    if (!statSync(folder).isDirectory()) {
      throw new UserError({
        code: 'output-not-a-folder',
        message: `The output folder ${folder} is a file.`,
        fix: `Give ${words.folder} the path of a folder that does not exist yet.`,
      });
    }
    checkWritable(folder, folder, words);
    const names = readdirSync(folder).filter((name) => name !== LOG_FOLDER);
    const foreign = names.filter((name) => !BESIDE.test(name) && !result.test(name));
    if (names.length === 0 || (mayReplace && foreign.length === 0)) return;
    const [shown, more] = [(mayReplace ? foreign : names).slice(0, 4), names.length > 4 ? ' and more' : ''];
    throw new UserError({
      code: 'output-not-empty',
      message: `The output folder ${folder} is not empty: it holds ${shown.join(', ')}${more}.`,
      fix: mayReplace
        ? `Give ${words.folder} another folder; only ${result === ADAPTER ? 'an adapter' : 'an earlier result of the same kind'} is replaced.`
        : foreign.length === 0
          ? `Give ${words.folder} another folder, or ${words.overwrite} to replace ${result === ADAPTER ? 'the adapter' : 'what is'} in it.`
          : `Give ${words.folder} another folder.`,
    });
  }
  let parent = dirname(folder);
  while (!existsSync(parent)) parent = dirname(parent);
  checkWritable(parent, folder, words);
}

function checkWritable(existing: string, folder: string, words: OutputWords): void {
  try {
    if (!statSync(existing).isDirectory()) throw new Error(`${existing} is a file`);
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UserError(
      {
        code: 'output-not-writable',
        message: `The output folder ${folder} cannot be written: ${messageOf(error)}.`,
        fix: `Give ${words.folder} a folder that you may write to.`,
      },
      { cause: error },
    );
  }
}
