// Which links a window may have opened in the person's browser.
import { expect, test } from 'vitest';
import { isAllowedLink, openExternal } from '../../main/app/external-links.ts';

test.each([
  'https://huggingface.co/HuggingFaceTB/SmolLM2-135M',
  'https://HUGGINGFACE.CO/docs?x=1#y',
  'https://www.comet.com/lorelei',
  'https://github.com/',
])('%s is opened', (url) => expect(isAllowedLink(url, {})).toBe(true));

test.each([
  'http://huggingface.co/', // anyone on the way could answer
  'https://huggingface.co.example.org/',
  'https://nothuggingface.co/',
  'https://huggingface.co@example.org/',
  'https://person:word@huggingface.co/',
  'https://huggingface.co:8443/',
  'https://example.org/huggingface.co',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'smb://huggingface.co/share',
  'huggingface.co',
  '//huggingface.co/',
  '',
])('%s is not', (url) => expect(isAllowedLink(url, {})).toBe(false));

test('the Hub that HF_ENDPOINT names is opened, and only at its own address', () => {
  const mirror = { HF_ENDPOINT: 'http://hub.example:8080/' };
  expect(isAllowedLink('http://hub.example:8080/a/b', mirror)).toBe(true);
  expect(isAllowedLink('http://hub.example/a/b', mirror)).toBe(false);
  // An endpoint that is no page of the web makes nothing openable.
  expect(isAllowedLink('file:///etc/passwd', { HF_ENDPOINT: 'file:///' })).toBe(false);
});

test('what is not opened is said in words, and nothing was opened', async () => {
  const opened: string[] = [];
  const host = { openInBrowser: (url: string) => Promise.resolve(void opened.push(url)) };
  await expect(openExternal(host, 'https://example.org/')).rejects.toMatchObject({
    name: 'UserError',
    code: 'link-not-allowed',
  });
  await expect(openExternal({}, 'https://github.com/')).rejects.toMatchObject({
    name: 'UserError',
    code: 'no-browser-here',
  });
  expect(opened).toEqual([]);
  await openExternal(host, 'https://github.com/a b');
  expect(opened).toEqual(['https://github.com/a%20b']);
});
