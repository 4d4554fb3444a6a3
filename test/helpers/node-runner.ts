// TestRunner over node:test, with vitest's own matchers: they are a library that needs no vitest around it.
import * as node from 'node:test';
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  chai,
  type ExpectStatic,
} from '@vitest/expect';
import type { TestRunner } from './runner.js';

type Body = () => void | Promise<void>;

// As in vitest.config.ts; a sanitized process is given more.
const TIMEOUT_MS = 30_000;
const timeoutScale = Number(process.env['CONNSCALE_TEST_TIMEOUT_SCALE'] ?? 1);

// node:test runs the tests of a file one after the other.
let current: node.TestContext | undefined;

function declare(options: node.TestOptions) {
  return (name: string, body: Body, timeoutMs: number = TIMEOUT_MS): void => {
    void node.test(name, { ...options, timeout: timeoutMs * timeoutScale }, async (context) => {
      current = context;
      await body();
    });
  };
}

const cleanups = new WeakMap<node.TestContext, Body[]>();

function onTestFinished(cleanup: Body): void {
  if (current === undefined) throw new Error('onTestFinished() was called outside a test');
  const pending = cleanups.get(current);
  if (pending !== undefined) {
    pending.push(cleanup);
    return;
  }
  const list = [cleanup];
  cleanups.set(current, list);
  current.after(async () => {
    for (const each of list.reverse()) await each();
  });
}

function makeExpect(): ExpectStatic {
  for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
  const expect = (value: unknown, message?: string): unknown => chai.expect(value, message);
  const matchers = (globalThis as Record<symbol, unknown>)[ASYMMETRIC_MATCHERS_OBJECT] as object;
  return Object.assign(expect, chai.expect, matchers) as ExpectStatic;
}

export const nodeRunner: TestRunner = {
  test: Object.assign(declare({}), { skipIf: (condition: boolean) => declare({ skip: condition }) }),
  describe: (name, body) => void node.describe(name, body),
  expect: makeExpect(),
  beforeAll: (body) => {
    node.before(body);
  },
  beforeEach: (body) => {
    node.beforeEach(body);
  },
  afterEach: (body) => {
    node.afterEach(body);
  },
  afterAll: (body) => {
    node.after(body);
  },
  onTestFinished,
};
