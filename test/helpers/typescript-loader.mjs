// Lets plain Node run the test files: node --import ./test/helpers/typescript-loader.mjs --test test/contract/*.test.ts
// Types are erased, nothing is checked (`tsc` does that), and files keep their paths.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
