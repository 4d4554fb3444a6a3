import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'build-*/', 'prebuilds/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      // Numbers in messages are read by people; there is nothing to convert by hand.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `onData: () => counter++` is how a short callback reads.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['lib/**/*.ts'],
    rules: {
      // The façade checks what callers pass, and callers in JavaScript pass what the types deny.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      'no-restricted-syntax': ['error', { selector: 'ExportDefaultDeclaration', message: 'Exports have names.' }],
    },
  },
  {
    files: ['lib/loop/**/*.ts'],
    // A typed array read within its bounds is never undefined, and a check would be paid for at every event.
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['lib/cli/**/*.ts'],
    // The command's output is its purpose; where it goes is decided in one place there.
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // expect.objectContaining() and friends are typed any by their library.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      // A body that throws or returns a promise reads the same in every test.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      // The type of what a child process printed is its caller's knowledge.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Tests hand the API what its types forbid.
      '@typescript-eslint/no-unsafe-argument': 'off',
      // The repository's own rules and a failing child process print what a person needs.
      'no-console': 'off',
    },
  },
  {
    files: ['test/contract/**/*.ts', 'test/failure/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            { name: 'vitest', message: 'Import from ../helpers/runner.js: these files also run under node:test.' },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    extends: [js.configs.recommended],
    languageOptions: { globals: globals.node },
    rules: { eqeqeq: 'error', 'prefer-const': 'error', 'no-var': 'error' },
  },
  {
    files: ['bench/peers/bun.mjs'],
    languageOptions: { globals: { Bun: 'readonly' } },
  },
);
