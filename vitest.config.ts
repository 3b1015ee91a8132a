// Two sets of tests: `unit` runs in `npm run check`; `e2e` needs a build (`npm run build`) and takes longer.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Native libraries (ONNX Runtime, SQLite) live in processes of their own.
    pool: 'forks',
    testTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/e2e/**'] } },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], testTimeout: 180_000, fileParallelism: false },
      },
    ],
  },
});
