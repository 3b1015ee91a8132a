// What is built from what: Node programs (main), the bridge (preload) and the page (renderer), all below out/.
import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';

const root = import.meta.dirname;

export default defineConfig({
  main: {
    build: {
      outDir: resolve(root, 'out/main'),
      rollupOptions: {
        input: {
          cli: resolve(root, 'main/hosts/cli.ts'),
          electron: resolve(root, 'main/hosts/electron.ts'),
          errand: resolve(root, 'main/hosts/errand.ts'),
          worker: resolve(root, 'main/job/worker.ts'),
        },
        // Every chunk lies beside the entries: `new URL('../../resources', import.meta.url)` holds in all of them.
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: resolve(root, 'out/preload'),
      // A sandboxed preload can require nothing but electron: it is one CommonJS file.
      externalizeDeps: false,
      rollupOptions: {
        input: { index: resolve(root, 'preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(root, 'renderer'),
    plugins: [svelte()],
    build: {
      outDir: resolve(root, 'out/renderer'),
      minify: true,
      assetsInlineLimit: 0, // the Content-Security-Policy allows no data: fonts
      rollupOptions: { input: { index: resolve(root, 'renderer/index.html') } },
    },
  },
});
