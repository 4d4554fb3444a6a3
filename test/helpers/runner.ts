// The one door to the test runner for test/contract and test/failure: vitest, or node:test where vitest does not start
// (Windows Node under Wine) or does not let a process end by itself (the sanitizers report at exit).
import type { ExpectStatic } from '@vitest/expect';

type Body = () => void | Promise<void>;

/** Declares a test. Units: milliseconds. Without `timeoutMs` the runner's own limit holds. */
type DeclareTest = (name: string, body: Body, timeoutMs?: number) => void;

type DeclareHook = (body: Body) => void;

/** What both runners offer. A test file uses nothing beyond it. */
export interface TestRunner {
  test: DeclareTest & { skipIf: (condition: boolean) => DeclareTest };
  describe: (name: string, body: () => void) => void;
  expect: ExpectStatic;
  beforeAll: DeclareHook;
  beforeEach: DeclareHook;
  afterEach: DeclareHook;
  afterAll: DeclareHook;
  /** Runs `cleanup` when the current test has ended, however it ended; the last one given runs first. */
  onTestFinished: DeclareHook;
}

async function pick(): Promise<TestRunner> {
  if (process.env['VITEST'] !== undefined) return import('vitest');
  const { nodeRunner } = await import('./node-runner.js');
  return nodeRunner;
}

export const { test, describe, expect, beforeAll, beforeEach, afterEach, afterAll, onTestFinished } = await pick();
