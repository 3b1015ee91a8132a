// Versions as Node 20.20, 22.13 and 22.14 tell them (nodejs.org/api/n-api.html: Node-API 10 came with 22.14 and 23.6).
import { expect, test } from 'vitest';
import { oldNode } from '../../main/hosts/cli/old-node.ts';

test.each([
  [{ node: '20.20.2', napi: '9' }, 'this is 20.20.2'],
  [{ node: '22.13.1', napi: '9' }, 'this is 22.13.1'],
  [{ node: '22.14.0', napi: '10' }, undefined],
  [{ node: '26.0.0', napi: '11' }, undefined],
])('%o', (versions, words) => {
  const refusal = oldNode(versions);
  if (words === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(words);
});

test('the Node that runs the tests is new enough', () => {
  expect(oldNode()).toBeUndefined();
});
