// Speed as it is read: of the last seconds, and none where nothing is known.
import { expect, test } from 'vitest';
import { Speed } from '../../main/app/speed.ts';

test('follows what grows, and falls when it stands still', () => {
  const speed = new Speed();
  speed.add(0, 0);
  expect(speed.perSecond(100)).toBeNull();
  // 1000 a second in a thousand pieces each, then 4000.
  for (let at = 1; at <= 10_000; at++) speed.add(at, at);
  expect(speed.perSecond(10_000)).toBeCloseTo(1000, -1);
  for (let at = 1; at <= 10_000; at++) speed.add(10_000 + 4 * at, 10_000 + at);
  expect(speed.perSecond(20_000)).toBeCloseTo(4000, -1);
  expect(speed.perSecond(40_000)).toBeLessThan(1000);
  // Begun anew.
  speed.add(0, 40_000);
  expect(speed.perSecond(40_100)).toBeNull();
});
