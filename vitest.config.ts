// Three sets of tests: `unit` runs in `npm run check`; `components` mounts parts of the page in a real browser; `whole`
// takes longer (whole runs, real processes, the built programs in a browser) and needs `npm run build`.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { answerInHost, fileInHost } from './test/support/answer-in-host.ts';
import { findBrowser } from './test/support/browser-program.ts';
import { skipAllTests } from './test/support/skip-all-tests.ts';

const whole = [
  'test/e2e/**/*.test.ts',
  'test/app/software-adapter.test.ts',
  'test/hosts/{cli,export-to-hub,hub-folders}.test.ts',
  'test/training/{run,run-features,four-bit-run,trl-sft,trl-dpo,trl-methods,webgpu,conformance,sixteen-bit-run}.test.ts',
];
const components = ['test/components/**/*.test.ts'];

const browser = findBrowser();

/** What the page is made of, beside our own files. */
async function pagePackages(): Promise<string[]> {
  const { devDependencies } = (await import('./package.json', { with: { type: 'json' } })).default;
  return Object.keys(devDependencies).filter((name) => name.startsWith('@codemirror/'));
}

export default defineConfig({
  test: {
    // Native libraries (ONNX Runtime, SQLite) live in processes of their own.
    pool: 'forks',
    maxWorkers: '100%',
    // Limits are for what hangs: a busy machine takes five times as long as an idle one.
    testTimeout: 120_000,
    // Nothing that is tested may touch the keychain or the tokens of whoever tests, or wait for trials of his GPU.
    env: { LORELEI_KEYCHAIN: 'off', LORELEI_GPU: 'off', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [...whole, ...components] } },
      {
        extends: true,
        plugins: browser === undefined ? [skipAllTests()] : [svelte({ configFile: false })],
        // Found at once: a package that is found in the middle of a test reloads its page.
        optimizeDeps: { entries: ['renderer/**/*.{ts,svelte}', ...components], include: await pagePackages() },
        test: {
          name: 'components',
          include: components,
          setupFiles: browser === undefined ? [] : ['test/support/component-page.ts'],
          testTimeout: 60_000,
          fileParallelism: false,
          ...(browser !== undefined && {
            browser: {
              enabled: true,
              headless: true,
              screenshotFailures: false,
              provider: playwright({
                launchOptions: { executablePath: browser, args: ['--no-sandbox', '--disable-gpu'] },
              }),
              instances: [{ browser: 'chromium', viewport: { width: 1280, height: 800 } }],
              commands: { answerInHost, fileInHost },
            },
          }),
        },
      },
      {
        extends: true,
        test: { name: 'whole', include: whole, testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false },
      },
    ],
  },
});
