// Whatever a window sends, the program answers as the contract has it: with a value of the command's output, or with an
// error that says what to do. Inputs are made from the contract's own schemas, so that later commands are tried too.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { answer } from '../../main/app/answer.ts';
import { openApp, type App } from '../../main/app/app.ts';
import { UserError } from '../../main/errors.ts';
import { commands, type CommandName } from '../../preload/contract.ts';
import { pick, randomOf, type Random } from '../support/random.ts';
import { storeOf } from '../support/secret-store.ts';
import { seedHome, type SeededHome } from '../support/seed-history.ts';

const inputsPerCommand = 2000;

const deep = Array.from({ length: 200 }).reduce<unknown>((inner) => ({ inner: [inner] }), null);
const odd: readonly unknown[] = [
  undefined, null, true, false, 0, -0, -1, 0.5, 7, 1e308, -1e308, Number.NaN, Infinity, 2 ** 53, 10n,
  '', ' ', 'calm-otter', 'swift-trout', 'nobody', '__proto__', 'constructor', 'toString', 'sft', 'dpo',
  '\0', 'a\0b', '\ud800', '%', '..', '../../..', '/nowhere/at/all', '~', 'file:///etc/passwd', 'javascript:alert(1)',
  "'; DROP TABLE runs; --", 'é'.repeat(300), 'x'.repeat(20_000), [], [[]], {}, [null], { id: {} },
  JSON.parse('{"__proto__":{"id":"calm-otter"}}'), new Date(0), new Map([['id', 1]]), new Uint8Array(3), deep,
]; // prettier-ignore

type Schema = {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
};

/** A value that mostly has the shape of the schema; `oddity` is how often something else takes a place in it. */
function valueOf(schema: Schema, random: Random, oddity: number): unknown {
  if (random() < oddity) return pick(random, odd);
  if ('const' in schema) return schema.const;
  if (schema.enum) return pick(random, schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return valueOf(pick(random, choices), random, oddity);
  const type = Array.isArray(schema.type) ? pick(random, schema.type) : schema.type;
  if (type === 'object') return objectOf(schema, random, oddity);
  if (type === 'array')
    return Array.from({ length: Math.floor(random() * 4) }, () => valueOf(schema.items ?? {}, random, oddity));
  if (type === 'string')
    return pick(
      random,
      odd.filter((one) => typeof one === 'string'),
    );
  if (type === 'integer') return pick(random, [0, 1, 3, 1000, -5]);
  if (type === 'number') return pick(random, [0, 0.5, 3, -2.5, 1e12]);
  if (type === 'boolean') return random() < 0.5;
  return pick(random, odd);
}

function objectOf({ properties = {}, required = [], additionalProperties }: Schema, random: Random, oddity: number) {
  const made: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(properties)) {
    if (random() < (required.includes(name) ? 1 - oddity : 0.5)) made[name] = valueOf(inner, random, oddity);
  }
  if (typeof additionalProperties === 'object') {
    for (let left = random() * 4; left > 1; left--)
      made[pick(random, recipeKeys)] = valueOf(additionalProperties, random, oddity);
  } else if (random() < oddity) made[pick(random, ['x', '__proto__', 'id'])] = pick(random, odd);
  return made;
}

const recipeKeys = [
  'model_name_or_path',
  'dataset_name',
  'output_dir',
  'max_steps',
  'learning_rate',
  'report_to',
  'x',
  '',
];

const error = z.strictObject({
  code: z.string().regex(/^[a-z]+(-[a-z]+)*$/),
  message: z.string().min(1),
  fix: z.string().min(1),
  paths: z.array(z.string()).min(1).optional(),
});

let seeded: SeededHome;
let app: App;
const before = process.cwd();
const complaints = vi.spyOn(console, 'error').mockImplementation(() => undefined);

const notHere = (): never => {
  throw new UserError({ code: 'not-here', message: 'Nothing is started in this test.', fix: 'Go on.' });
};

beforeAll(() => {
  seeded = seedHome();
  const place = join(seeded.folder, 'person');
  mkdirSync(place);
  // What happens to be a proper request can reach nothing outside of this folder, and nobody over the network.
  process.chdir(place);
  vi.stubEnv('HOME', place);
  vi.stubEnv('HF_HOME', join(place, 'hf'));
  vi.stubEnv('HF_HUB_CACHE', undefined);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  app = openApp(
    { launchJob: notHere, launchErrand: () => Promise.resolve().then(notHere), secretStore: storeOf({}) },
    seeded.folder,
  );
});

afterAll(() => {
  process.chdir(before);
  vi.unstubAllEnvs();
  app.hub.downloads.close();
  app.history.close();
  seeded.history.close();
  rmSync(seeded.folder, { recursive: true, force: true });
});

async function checkAnswer(command: CommandName, request: unknown, shown: string): Promise<'done' | 'refused'> {
  complaints.mockClear();
  const result = await answer(app, request);
  expect(complaints.mock.calls, shown).toEqual([]);
  // It can cross both borders: Electron's, and that of HTTP.
  expect(() => [structuredClone(result), JSON.stringify(result)], shown).not.toThrow();
  if (!result.ok) {
    expect(error.safeParse(result.error).error, shown).toBeUndefined();
    expect(result.error.code, `${shown}: ${result.error.message}`).not.toBe('internal');
    return 'refused';
  }
  expect(commands[command].output.safeParse(result.value).error, shown).toBeUndefined();
  return 'done';
}

describe('every command answers whatever it is sent', () => {
  test.each(Object.keys(commands) as CommandName[])('%s', async (command) => {
    const schema = z.toJSONSchema(commands[command].input, { unrepresentable: 'any', io: 'input' }) as Schema;
    let refused = 0;
    // Each proper one writes a report to the disk.
    const inputs = command === 'diagnostics.write' ? inputsPerCommand / 10 : inputsPerCommand;
    for (let seed = 0; seed < inputs; seed++) {
      // From shapes that are right but for one thing to anything at all.
      const random = randomOf(seed);
      const input = valueOf(schema, random, [0.02, 0.2, 0.5, 1][seed % 4] ?? 1);
      const shown = `${command}, seed ${seed}`;
      if ((await checkAnswer(command, { command, input }, shown)) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(inputs / 10);
  });
});

test('requests that are none are refused', async () => {
  const random = randomOf(1);
  for (let round = 0; round < 3000; round++) {
    const request =
      random() < 0.3
        ? pick(random, odd)
        : { command: pick(random, odd), input: pick(random, odd), task: pick(random, odd) };
    const result = await answer(app, request);
    expect(result).toMatchObject({ ok: false, error: { code: 'bad-request' } });
  }
});
