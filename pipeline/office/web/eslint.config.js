import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

const browserStores = ['localStorage', 'sessionStorage', 'indexedDB', 'caches'];

// What the policy of the pages and the two laws of look-ups ask of the sources.
const laws = {
  'no-restricted-globals': ['error', ...browserStores.map((name) => ({ name, message: 'nothing is kept in the browser' }))],
  'no-restricted-syntax': [
    'error',
    {
      selector: 'SvelteAttribute[key.name="style"]',
      message: 'a literal style is blocked by the policy: use a class or style:name',
    },
    {
      selector: 'SvelteAttribute[key.name="title"]',
      message: 'a title is no label: write the text, or use aria-label',
    },
  ],
  'svelte/no-at-html-tags': 'error',
};

export default ts.config(
  { ignores: ['dist/', 'node_modules/', 'src/lib/types.d.ts'] },
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, extraFileExtensions: ['.svelte'], svelteConfig } },
  },
  { files: ['src/**/*.ts', 'src/**/*.svelte'], rules: laws },
  {
    // fetch has one home, and so has EventSource.
    files: ['src/**/*.ts', 'src/**/*.svelte'],
    ignores: ['src/lib/ask.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...browserStores.map((name) => ({ name, message: 'nothing is kept in the browser' })),
        { name: 'fetch', message: 'ask() of lib/ask.ts is the only place with fetch' },
        { name: 'XMLHttpRequest', message: 'ask() of lib/ask.ts is the only place that asks' },
        { name: 'EventSource', message: 'lib/stream.ts is the only place with EventSource' },
      ],
    },
  },
);
