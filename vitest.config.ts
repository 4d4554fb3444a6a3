import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Native code: a crash or a leak of one file must not reach the next (vitest.dev/config/pool).
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A test that fails once has found something.
    retry: 0,
  },
});
