import { expect, test } from 'vitest';
import { agoText, durationText, lossText, valueText } from '../../renderer/ui/wording.ts';

test('a loss shows four decimals, or a power of ten when it is tiny', () => {
  expect([2.18341, 0, 0.00012, Number.NaN, null].map(lossText)).toEqual(['2.1834', '0.0000', '1.20e-4', 'NaN', '–']);
});

test('other values keep the digits that count', () => {
  const texts = [0.00002, 0.000192, 0.98765, 12.3456, 1234.5, 368000, 0].map(valueText);
  expect(texts).toEqual(['2e-5', '1.92e-4', '0.9877', '12.35', '1,235', '368,000', '0']);
});

test('times are said in their largest unit', () => {
  expect([400, 1000, 90_000, 7_200_000, 172_800_000].map(durationText)).toEqual([
    '0 seconds',
    '1 second',
    '2 minutes',
    '2 hours',
    '2 days',
  ]);
  expect(agoText(0, 5000)).toBe('just now');
  expect(agoText(0, 61_000)).toBe('1 minute ago');
});
