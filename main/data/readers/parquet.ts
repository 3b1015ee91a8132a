// Parquet files, a window of rows at a time.
import { open } from 'node:fs/promises';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { UserError } from '../../errors.ts';
import { shortReason } from './jsonl.ts';
import type { RowReader } from './reader.ts';
import { unreadable } from './utf8.ts';

const WINDOW_ROWS = 20_000;

export const readParquet: RowReader = async function* (path, context) {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(context.label, error);
  });
  try {
    const { size } = await handle.stat();
    const file: AsyncBuffer = {
      byteLength: size,
      slice: async (start, end = size) => {
        const bytes = new Uint8Array(end - start);
        await handle.read(bytes, 0, bytes.length, start);
        return bytes.buffer;
      },
    };
    const damaged = (error: unknown) =>
      new UserError(
        {
          code: 'dataset-bad-parquet',
          message: `${context.label} is not a readable Parquet file (${String(size)} bytes): ${shortReason(error)}.`,
          fix: 'It is likely cut off or damaged: download or write it again.',
        },
        { cause: error },
      );
    const metadata: FileMetaData = await parquetMetadataAsync(file).catch((error: unknown) => {
      throw damaged(error);
    });
    const total = Number(metadata.num_rows);
    let groupStart = 0;
    for (const group of metadata.row_groups) {
      const groupEnd = groupStart + Number(group.num_rows);
      for (let rowStart = groupStart; rowStart < groupEnd; rowStart += WINDOW_ROWS) {
        context.signal?.throwIfAborted();
        const rowEnd = Math.min(rowStart + WINDOW_ROWS, groupEnd);
        const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors }).catch(
          (error: unknown) => {
            throw damaged(error);
          },
        );
        for (const [i, values] of rows.entries()) yield { values, file: context.label, line: rowStart + i + 1 };
        context.onBytes?.((size * (rowEnd - rowStart)) / Math.max(1, total));
      }
      groupStart = groupEnd;
    }
  } finally {
    await handle.close();
  }
};
