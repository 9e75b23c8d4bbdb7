import { defineConfig } from 'vitest/config';

/**
 * One entry, `frontend/src/main.ts`, which loads what a page needs. Everything it makes lies under
 * `/static/` and passes a strict Content-Security-Policy: no inline script or style, no data: URL.
 */
export default defineConfig({
  base: '/static/',
  publicDir: false,
  build: {
    outDir: 'frontend/dist',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['frontend/src/main.ts'] },
  },
  test: {
    environment: 'node',
    sequence: { shuffle: true },
    include: ['frontend/test/**/*.test.ts'],
    // Tests wait for conditions; this only ends one that waits in vain, on a machine that is busy too.
    testTimeout: 120_000,
  },
});
