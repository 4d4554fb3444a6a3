// Options that do not exist, or are not what they should be, are refused by name before anything is done.
import { Loop, LoopGroup } from '../../lib/index.js';
import type { ConnectOptions, ListenOptions, LoopGroupOptions } from '../../lib/index.js';
import { openUnpolled } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

type Refused = (options: object) => unknown;

const port = 1;
const host = '127.0.0.1';

function refusals(loop: Loop): Record<string, readonly [refused: Refused, valid: object]> {
  return {
    'new Loop': [(options) => new Loop(options), {}],
    'new LoopGroup': [(options) => new LoopGroup(options as LoopGroupOptions), { loops: 1 }],
    listen: [(options) => loop.listen(options as ListenOptions, {}), { host, port: 0 }],
    connect: [(options) => loop.connect(options as ConnectOptions, {}), { host, port }],
  };
}

async function errorOf(refused: Refused, options: unknown): Promise<Error & { code?: string }> {
  try {
    await refused(options as object);
  } catch (error) {
    return error as Error;
  }
  throw new Error(`${JSON.stringify(options)} was not refused`);
}

const MISSPELT: readonly (readonly [verb: string, key: string, meant: string])[] = [
  ['new Loop', 'maxConnection', 'maxConnections'],
  ['new Loop', 'highWatermarkBytes', 'highWaterMarkBytes'],
  ['new Loop', 'Driver', 'driver'],
  ['new LoopGroup', 'loop', 'loops'],
  ['new LoopGroup', 'descriptor', 'descriptors'],
  ['listen', 'backLog', 'backlog'],
  ['listen', 'reuseport', 'reusePort'],
  ['listen', 'idleTimeout', 'idleTimeoutMs'],
  ['listen', 'IPv6Only', 'ipv6Only'],
  ['connect', 'hots', 'host'],
  ['connect', 'timeout', 'timeoutMs'],
];

test('an unknown option is refused with the nearest name there is', async () => {
  const verbs = refusals(openUnpolled({}));
  for (const [verb, key, meant] of MISSPELT) {
    const [refused, valid] = verbs[verb] ?? expect.fail();
    const error = await errorOf(refused, { ...valid, [key]: 1 });
    expect(error).toMatchObject({ name: 'ConnscaleError', code: 'ERR_CONNSCALE_UNKNOWN_OPTION' });
    expect(error.message).toBe(`there is no option options.${key}; did you mean ${meant}?`);
  }
});

test('an unknown option that is like no other is refused without a guess', async () => {
  for (const [refused, valid] of Object.values(refusals(openUnpolled({})))) {
    const error = await errorOf(refused, { ...valid, quetzalcoatl: true });
    expect(error.message).toBe('there is no option options.quetzalcoatl');
  }
});

test('a group takes no driver: it is always thread', async () => {
  const error = await errorOf((options) => new LoopGroup(options as LoopGroupOptions), { loops: 1, driver: 'node' });
  expect(error).toMatchObject({ code: 'ERR_CONNSCALE_UNKNOWN_OPTION' });
});

test('unknown socket options, sources and handlers are refused with the nearest name', async () => {
  const loop = openUnpolled({});
  const socket = await errorOf((options) => loop.listen(options as ListenOptions, {}), {
    port: 0,
    options: { nodelay: true },
  });
  expect(socket.message).toBe('there is no option options.options.nodelay; did you mean noDelay?');
  const source = await errorOf((options) => loop.connect(options as ConnectOptions, {}), {
    host,
    port,
    source: { adress: host },
  });
  expect(source.message).toBe('there is no option options.source.adress; did you mean address?');
  const handlers = await errorOf((given) => loop.connect({ host, port }, given), { onData: () => undefined });
  expect(handlers.message).toMatch(/^there is no option handlers\.onData/);
});

/** Verb, option, and values that are of the wrong type or out of range. */
const WRONG: readonly (readonly [verb: string, key: string, types: readonly unknown[], ranges: readonly unknown[]])[] =
  [
    ['new Loop', 'driver', [null], ['epoll', 1]],
    ['new Loop', 'descriptors', [], ['public', true]],
    ['new Loop', 'maxConnections', ['1', null], [0, -1, 1.5, NaN, 2 ** 20 + 1]],
    ['new Loop', 'receiveSlabBytes', ['1'], [4095, 2 ** 24 + 1]],
    ['new Loop', 'batchSize', [true], [15, 65_537]],
    ['new Loop', 'submissionRingBytes', [{}], [4095, 2 ** 26 + 1]],
    ['new Loop', 'highWaterMarkBytes', ['64k'], [-1, 2 ** 32]],
    ['new Loop', 'writeQueueMaxBytes', [[]], [0, 2 ** 32]],
    ['new Loop', 'closeTimeoutMs', ['5s'], [-1, 2 ** 31]],
    ['new LoopGroup', 'loops', ['1', undefined], [0, 257, 1.5]],
    ['new LoopGroup', 'batchSize', ['1'], [1]],
    ['listen', 'host', [1, {}, null], []],
    ['listen', 'port', ['80', undefined, null], [-1, 65_536, 0.5]],
    ['listen', 'backlog', ['1'], [0, 2 ** 31]],
    ['listen', 'reusePort', [1, 'yes', null], []],
    ['listen', 'ipv6Only', [0], []],
    ['listen', 'deferAcceptMs', ['1'], [-1]],
    ['listen', 'fastOpenQueue', ['1'], [-1]],
    ['listen', 'acceptBatch', ['1'], [0, 65_537]],
    ['listen', 'maxConnections', ['1'], [0, 2 ** 20 + 1]],
    ['listen', 'overload', [], ['drop', 1]],
    ['listen', 'idleTimeoutMs', ['1'], [0, 6_553_501]],
    ['listen', 'options', ['noDelay', 1, null], []],
    ['connect', 'host', [1, undefined, null], []],
    ['connect', 'port', ['80', undefined], [0, 65_536]],
    ['connect', 'source', [host, 1, null], []],
    ['connect', 'timeoutMs', ['1'], [0, 6_553_501]],
    ['connect', 'idleTimeoutMs', ['1'], [0, 6_553_501]],
    ['connect', 'options', [true], []],
  ];

test('an option of the wrong type is a TypeError, one out of range a RangeError, and both name it', async () => {
  const verbs = refusals(openUnpolled({}));
  for (const [verb, key, types, ranges] of WRONG) {
    const [refused, valid] = verbs[verb] ?? expect.fail();
    for (const [values, kind] of [
      [types, 'TypeError'],
      [ranges, 'RangeError'],
    ] as const) {
      for (const value of values) {
        const error = await errorOf(refused, { ...valid, [key]: value });
        expect({ verb, key, value, kind: error.name }).toEqual({ verb, key, value, kind });
        expect(error.message).toContain(`options.${key}`);
      }
    }
  }
});

test('a socket option of the wrong type or out of range is refused by name', async () => {
  const loop = openUnpolled({});
  const listen = (options: object): unknown => loop.listen({ port: 0, options }, {});
  for (const options of [{ noDelay: 1 }, { keepAlive: 'on' }, { userTimeoutMs: '1' }]) {
    expect(await errorOf(listen, options)).toBeInstanceOf(TypeError);
  }
  for (const options of [
    { userTimeoutMs: -1 },
    { lingerMs: -2 },
    { sendBufferBytes: 0.5 },
    { keepAliveCount: 2 ** 31 },
  ]) {
    const error = await errorOf(listen, options);
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toContain(`options.options.${Object.keys(options)[0] ?? ''}`);
  }
});

test('options that are no object are a TypeError', async () => {
  for (const [refused] of Object.values(refusals(openUnpolled({})))) {
    for (const options of [null, 1, 'options', () => undefined]) {
      expect(await errorOf(refused, options)).toBeInstanceOf(TypeError);
    }
  }
});

test('private descriptors need the thread driver', () => {
  for (const driver of ['node', 'manual'] as const) {
    expect(() => new Loop({ driver, descriptors: 'private' })).toThrow(RangeError);
  }
});

test('handlers that are none are refused with their name', async () => {
  const loop = openUnpolled({});
  const wrong: readonly (readonly [handlers: unknown, named: string])[] = [
    [undefined, 'handlers'],
    [null, 'handlers'],
    [() => undefined, 'handlers'],
    [{ data: 'print' }, 'handlers.data'],
    [{ close: {} }, 'handlers.close'],
    [{ data: () => undefined, dataIn: () => undefined }, 'handlers.dataIn'],
  ];
  for (const [handlers, named] of wrong) {
    for (const verb of [
      (given: object) => loop.listen({ port: 0 }, given),
      (given: object) => loop.connect({ host, port }, given),
    ]) {
      const error = await errorOf(verb, handlers);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(named);
    }
  }
});

test('what was refused leaves nothing behind', async () => {
  const loop = openUnpolled({ maxConnections: 1 });
  const connect = (given: object): unknown => loop.connect(given as ConnectOptions, {});
  for (let i = 0; i < 10; i++) await errorOf(connect, { host, port, source: { address: '::1' } });
  loop.connect({ host, port }, {}); // the only slot there is
});
