import { expect, test } from 'vitest';
import { Sessions } from '../../main/hosts/sessions.ts';

const hour = 3_600_000;

test('a secret opens one session, then another secret is needed', () => {
  const sessions = new Sessions();
  const first = sessions.secret;
  const session = sessions.open(first);
  expect(sessions.isOpen(session)).toBe(true);
  expect(sessions.secret).not.toBe(first);
  expect(sessions.open(first)).toBeUndefined();
  expect(sessions.isOpen(sessions.open(sessions.secret))).toBe(true);
});

test('a session ends after twelve hours without use; use prolongs it', () => {
  let now = 0;
  const sessions = new Sessions(() => now);
  const session = sessions.open(sessions.secret);
  now += 11 * hour;
  expect(sessions.isOpen(session)).toBe(true);
  now += 11 * hour;
  expect(sessions.isOpen(session)).toBe(true);
  now += 13 * hour;
  expect(sessions.isOpen(session)).toBe(false);
});

test('nobody else is let in', () => {
  const sessions = new Sessions();
  for (const guess of [undefined, '', sessions.secret]) expect(sessions.isOpen(guess)).toBe(false);
  for (const guess of ['', 'x', `${sessions.secret}x`]) expect(sessions.open(guess)).toBeUndefined();
});

test('who guesses is told to wait for a minute; the right secret is let in all the same', () => {
  let now = 0;
  const sessions = new Sessions(() => now);
  for (let guess = 0; guess < 10; guess++) sessions.open(`guess ${guess}`);
  expect(sessions.hearsGuesses).toBe(false);
  sessions.open('one guess more');
  expect(sessions.hearsGuesses).toBe(true);
  expect(sessions.isOpen(sessions.open(sessions.secret))).toBe(true);
  now += 60_000;
  expect(sessions.hearsGuesses).toBe(false);
});
