// Two sets of tests: `unit` runs in `npm run check`; `whole` takes longer (whole runs, real processes, the built
// programs in a browser) and needs `npm run build`.
import { defineConfig } from 'vitest/config';

const whole = [
  'test/e2e/**/*.test.ts',
  'test/hosts/{cli,export-to-hub,hub-folders}.test.ts',
  'test/training/{run,run-features,trl-sft,trl-dpo,trl-methods}.test.ts',
];

export default defineConfig({
  test: {
    // Native libraries (ONNX Runtime, SQLite) live in processes of their own.
    pool: 'forks',
    maxWorkers: '100%',
    testTimeout: 30_000,
    // Nothing that is tested may touch the keychain or the tokens of whoever tests.
    env: { LORELEI_KEYCHAIN: 'off', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: whole } },
      {
        extends: true,
        test: { name: 'whole', include: whole, testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false },
      },
    ],
  },
});
