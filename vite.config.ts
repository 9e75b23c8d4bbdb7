import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** Writes each asset compressed beside it, as servestatic serves it to those who take that. */
const compressedAssets: Plugin = {
  name: 'compressed-assets',
  writeBundle({ dir = '' }) {
    const folder = join(dir, 'assets');
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const bytes = readFileSync(path);
      writeFileSync(`${path}.br`, brotliCompressSync(bytes));
      writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    }
  },
};

/**
 * One entry, `frontend/src/main.ts`, which loads what a page needs. Everything it makes lies under
 * `/static/` and passes a strict Content-Security-Policy: no inline script or style, no data: URL.
 */
export default defineConfig({
  base: '/static/',
  publicDir: false,
  plugins: [compressedAssets],
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
