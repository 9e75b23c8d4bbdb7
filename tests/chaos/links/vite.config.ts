import { defineConfig } from 'vite';

/** `follower.ts` as one file that Node runs anywhere. */
export default defineConfig({
  publicDir: false,
  logLevel: 'error',
  ssr: { noExternal: true },
  build: {
    ssr: 'tests/chaos/links/follower.ts',
    target: 'node20',
    minify: false,
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: '[name].mjs' } },
  },
});
