import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// The output folder is given by deploy/tools/ui.sh, which keeps each build in the user's cache under the key of its sources.
export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    assetsInlineLimit: 0, // an inlined asset is a data: URL, which the policy admits for pictures only
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
