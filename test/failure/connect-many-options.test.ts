// What may not be asked of connectMany, and what must not be expensive.
import type { Loop } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';
import { type DriverCase, forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { endOf, openTarget } from '../helpers/many.js';
import { connectNet } from '../helpers/peers.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const MANUAL: DriverCase = { name: 'manual', options: { driver: 'manual' } };
const TO = { destinations: { host: HOST, port: 9 }, count: 1 } as const;
const PORTS = 22_000;

/** What a run with these options throws at once; and nothing was opened. */
function refusal(loop: Loop, options: object): Error {
  let caught: unknown;
  try {
    loop.connectMany({ ...TO, ...options }, {});
  } catch (error) {
    caught = error;
  }
  expect(loop.stats).toMatchObject({ open: 0, connected: 0, connectFailures: 0 });
  return caught instanceof Error ? caught : expect.fail('nothing was thrown');
}

for (const [what, options, type, message] of [
  ['a type', { count: '5' }, TypeError, 'options.count must be a number'],
  ['a count', { count: 0 }, RangeError, 'options.count must be an integer from 1'],
  ['a count', { count: 1.5 }, RangeError, 'options.count'],
  ['no destination', { destinations: [] }, RangeError, 'options.destinations.length'],
  ['no destination', { destinations: undefined }, TypeError, 'options.destinations'],
  ['a host', { destinations: [{ host: 5, port: 1 }] }, TypeError, 'options.destinations[0].host must be a string'],
  ['a port', { destinations: { host: HOST, port: 0 } }, RangeError, 'options.destinations[0].port'],
  ['a port', { destinations: [TO.destinations, { host: HOST, port: 65_536 }] }, RangeError, 'options.destinations[1].port'],
  ['destinations', { destinations: [TO.destinations, { host: '::1', port: 1 }] }, RangeError, 'another family'],
  ['a word', { sourceStrategy: 'random' }, RangeError, 'options.sourceStrategy must be one of'],
  ['a word', { ports: 'any' }, RangeError, 'options.ports must be one of'],
  ['a fixed port', { ports: 0 }, RangeError, 'options.ports'],
  ['a fixed port', { ports: 65_536 }, RangeError, 'options.ports'],
  ['a range', { portRange: [2_000] }, TypeError, 'options.portRange must be [low, high]'],
  ['a range', { portRange: { low: 1, high: 2 } }, TypeError, 'options.portRange must be [low, high]'],
  ['a range', { portRange: [3_000, 2_000] }, RangeError, 'options.portRange: 2000 is below 3000'],
  ['a range', { portRange: [0, 2_000] }, RangeError, 'options.portRange[0]'],
  ['a range', { portRange: [2_000, 65_536] }, RangeError, 'options.portRange[1]'],
  ['a range', { ports: 'kernel', portRange: [2_000, 3_000] }, TypeError, 'options.portRange does not go with ports'],
  ['a range', { ports: 5_000, portRange: [2_000, 3_000] }, TypeError, 'options.portRange does not go with ports'],
  ['a bound', { maxInFlight: 0 }, RangeError, 'options.maxInFlight'],
  ['a bound', { maxInFlight: Infinity }, RangeError, 'options.maxInFlight'],
  ['a rate', { ratePerSecond: 0 }, RangeError, 'options.ratePerSecond'],
  ['a timeout', { timeoutMs: 0 }, RangeError, 'options.timeoutMs'],
  ['a timeout', { idleTimeoutMs: 1e9 }, RangeError, 'options.idleTimeoutMs'],
  ['a retry', { retry: { codes: 'EMFILE', attempts: 2 } }, TypeError, 'options.retry.codes must be an array'],
  ['a retry', { retry: { codes: ['ENONSENSE'], attempts: 2 } }, RangeError, "there is no error 'ENONSENSE'"],
  ['a retry', { retry: { codes: [5], attempts: 2 } }, TypeError, 'options.retry.codes[0] must be a string'],
  ['a retry', { retry: { codes: [], attempts: 1 } }, RangeError, 'options.retry.attempts'],
  ['a retry', { retry: { codes: [], attempts: 2, delayMs: -1 } }, RangeError, 'options.retry.delayMs'],
  ['a signal', { signal: {} }, TypeError, 'options.signal must be an AbortSignal'],
  ['no source', { sources: [] }, RangeError, 'options.sources is empty'],
  ['no source', { sources: '' }, RangeError, "options.sources: '' is no IP address"],
  ['a source', { sources: 5 }, TypeError, 'options.sources'],
  ['a source', { sources: 'localhost' }, RangeError, "'localhost' is no IP address, no CIDR block and no range"],
  ['a block', { sources: '127.0.0.0/33' }, RangeError, 'a prefix is an integer from 0 to 32'],
  ['a block', { sources: '127.0.0.0/' }, RangeError, 'a prefix is an integer'],
  ['a block', { sources: '127.0.0.0/8/8' }, RangeError, 'is no IP address'],
  ['a block', { sources: '/8' }, RangeError, 'is no IP address'],
  ['a block of IPv6', { destinations: { host: '::1', port: 9 }, sources: '::1/129' }, RangeError, 'from 0 to 128'],
  ['a range', { sources: '127.0.0.9-127.0.0.1' }, RangeError, 'ends before it begins'],
  ['a range', { sources: '127.0.0.1-::1' }, RangeError, 'is no IP address'],
  ['a range', { sources: '127.0.0.1-' }, RangeError, 'is no IP address'],
  ['an interface', { sources: { interface: 'nosuch0' } }, RangeError, "no interface 'nosuch0'"],
  ['an interface', { sources: { interface: 5 } }, TypeError, 'options.sources.interface must be a string'],
  ['one address twice', { sources: ['127.0.0.1', '127.0.0.1'] }, RangeError, '127.0.0.1 is there more than once'],
  ['one in a block', { sources: ['127.0.0.0/24', '127.0.0.9'] }, RangeError, '127.0.0.9 is there more than once'],
  ['one by its name', { sources: ['127.0.0.1', { interface: 'lo' }] }, RangeError, 'is there more than once'],
  ['overlapping', { sources: ['127.0.0.8-127.0.0.20', '127.0.0.1-127.0.0.8'] }, RangeError, '127.0.0.8 is there'],
  ['another family', { sources: '::1' }, RangeError, 'options.sources: IPv6'],
  ['another family', { destinations: { host: '::1', port: 9 }, sources: HOST }, RangeError, 'options.sources: IPv4'],
  ['too many', { sources: '10.0.0.0/7' }, RangeError, 'addresses, more than 16777216'],
  ['too many', { sources: '0.0.0.0-255.255.255.255' }, RangeError, 'has 4294967296 addresses'],
  ['too many', { destinations: { host: '::1', port: 9 }, sources: 'fd00::/64' }, RangeError, 'addresses, more than'],
  ['too many', { sources: ['10.0.0.0/8', '11.0.0.0/8'] }, RangeError, 'has more than 16777216 addresses'],
  ['no port', { ports: 'explicit', portRange: [1, 2] }, RangeError, 'every port of it is privileged'],
  ['a range elsewhere', { ports: 'range', portRange: [2_000, 2_001] }, Error, /ip_local_port_range|IP_LOCAL_PORT_RANGE/],
] as const) {
  test(`refused: ${what}, ${JSON.stringify(options)}`, () => {
    const error = refusal(openLoop(MANUAL), options);
    expect(error).toBeInstanceOf(type);
    expect(() => {
      throw error;
    }).toThrow(message);
  });
}

test('refused: options and handlers that do not exist, with the nearest name', () => {
  const loop = openLoop(MANUAL);
  const unknown = { code: 'ERR_CONNSCALE_UNKNOWN_OPTION' };
  for (const [options, message] of [
    [{ source: HOST }, 'options.source'],
    [{ retry: { codes: [], attempts: 2, delay: 5 } }, 'options.retry.delay'],
    [{ destinations: { host: HOST, port: 9, family: 4 } }, 'options.destinations[0].family'],
    [{ sources: { interfaces: 'lo' } }, 'options.sources.interfaces'],
    [{ options: { noDelays: true } }, 'noDelays'],
  ] as const) {
    const error = refusal(loop, options);
    expect(error).toMatchObject(unknown);
    expect(error.message).toContain(message);
  }
  expect(() => loop.connectMany(TO, { opened: () => undefined } as object)).toThrow(expect.objectContaining(unknown));
});

forEachDriver('an address that is not local is named before anything opens', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const notLocal = { name: 'SystemError', code: 'EADDRNOTAVAIL', syscall: 'bind' };
  for (const [sources, address] of [
    [['127.0.0.1', '192.0.2.7', '192.0.2.8'], '192.0.2.7'],
    ['192.0.2.0/24', '192.0.2.1'],
    [['127.0.0.1-127.0.0.9', '192.0.2.1-192.0.2.3'], '192.0.2.1'],
  ] as const) {
    expect(refusal(loop, { destinations: target.address, sources })).toMatchObject({ ...notLocal, address });
  }
  // The last of a million is looked at as well as the first.
  expect(refusal(loop, { destinations: target.address, sources: '127.240.0.0-128.0.0.255' })).toMatchObject({
    ...notLocal,
    address: expect.stringMatching(/^128\.0\.0\./),
  });
  expect(await endOf(loop.connectMany({ destinations: target.address, sources: HOST, count: 1 }, {}))).toMatchObject({
    opened: 1,
  });
  await target.server.until('open');
  expect(target.server.count('open')).toBe(1);
});

for (const sourceStrategy of ['round-robin', 'least-used'] as const) {
  forEachDriver(`a block of a million addresses costs what is used of it (${sourceStrategy})`, async (driver) => {
    const target = await openTarget();
    const loop = openLoop(driver);
    const before = process.memoryUsage();
    const startedAt = performance.now();
    const run = loop.connectMany(
      { destinations: target.address, sources: '127.16.0.0/12', ports: 'explicit', sourceStrategy, count: 200 },
      {},
    );
    expect(await endOf(run)).toMatchObject({ opened: 200 });
    // A list of them would have more than 100 MiB and take seconds.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    const after = process.memoryUsage();
    expect((after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20).toBeLessThan(32);
    await target.server.until('open', 200);
    expect(Object.keys(await target.sources())).toHaveLength(200);
  });
}

test('more connections than a loop or a group may hold are refused', async () => {
  const loop = openLoop(MANUAL, { maxConnections: 10 });
  const exhausted = expect.objectContaining({ code: 'ERR_CONNSCALE_CONNECTIONS_EXHAUSTED' });
  expect(() => loop.connectMany({ ...TO, count: 11 }, {})).toThrow(exhausted);
  const target = await openTarget();
  const group = openGroup({ loops: 2, maxConnections: 10 });
  expect(() => group.connectMany({ ...TO, count: 21 }, {})).toThrow(exhausted);
  // The loops' shares are not always even: here one would have all.
  expect(() => group.connectMany({ ...TO, ports: PORTS, count: 11 }, {})).toThrow(exhausted);
  expect(await endOf(group.connectMany({ destinations: target.address, count: 20 }, {}))).toMatchObject({ opened: 20 });
});

forEachDriver('a loop that holds its maximum, accepted connections included, fails the rest and says why', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 10 });
  const listener = await loop.listen({ host: HOST, port: 0 }, {});
  const peers = await Promise.all(Array.from({ length: 4 }, () => connectNet(listener.address.port)));
  await until('them to be accepted', () => loop.stats.accepted === 4);
  await listener.close();
  const target = await openTarget();
  const run = loop.connectMany({ destinations: target.address, count: 10 }, {});
  expect(await endOf(run)).toMatchObject({
    opened: 6,
    failed: 4,
    codes: { ERR_CONNSCALE_CONNECTIONS_EXHAUSTED: 4 },
    stopped: false,
  });
  for (const peer of peers) peer.destroy();
  await until('room', () => loop.stats.open === 6);
  expect(await endOf(loop.connectMany({ destinations: target.address, count: 4 }, {}))).toMatchObject({ opened: 4 });
});
