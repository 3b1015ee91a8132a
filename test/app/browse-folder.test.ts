// What a person sees of a folder.
import { symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { browseFolder } from '../../main/app/browse-folder.ts';
import { tempFolder } from '../support/temp-folder.ts';

const scratch = tempFolder();

test('folders first, in the order that people count in, without hidden and broken ones', async () => {
  for (const name of ['list/b.jsonl', 'list/row10.csv', 'list/row9.csv', 'list/Zoo/x', 'list/ant/x', 'list/.git/x'])
    scratch.write(name, '12345');
  const folder = join(scratch.path, 'list');
  symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
  symlinkSync(join(folder, 'Zoo'), join(folder, 'link'));
  const listing = await browseFolder(folder);
  expect(listing.entries.map(({ name, isFolder }) => [name, isFolder])).toEqual([
    ['ant', true],
    ['link', true],
    ['Zoo', true],
    ['b.jsonl', false],
    ['row9.csv', false],
    ['row10.csv', false],
  ]);
  expect(listing).toMatchObject({ folder, parent: dirname(folder), isCut: false });
});

test('without a folder the user’s own, at the top no way up', async () => {
  expect((await browseFolder(undefined)).folder).toBe(homedir());
  expect((await browseFolder('/')).parent).toBeNull();
});

test('what is no folder is refused', async () => {
  await expect(browseFolder(scratch.write('a.txt', ''))).rejects.toMatchObject({ code: 'not-a-folder' });
  await expect(browseFolder(join(scratch.path, 'nowhere'))).rejects.toMatchObject({ code: 'file-not-found' });
});
