import { defineConfig } from 'vite';

const source = new URL('../../frontend/src/client/', import.meta.url).pathname;

/** The follower and its web component as ES modules, with all that they import: no dependency is left. */
export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  publicDir: false,
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    // `const`, whose values the bundler of a page can put in place.
    rolldownOptions: { output: { topLevelVar: false } },
    lib: {
      entry: { index: `${source}index.ts`, element: `${source}element.ts` },
      formats: ['es'],
    },
  },
});
