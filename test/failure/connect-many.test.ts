import { type ConnectManyOptions, type Loop, LoopGroup, capabilities } from '../../lib/index.js';
import { runScriptForJson } from '../helpers/child.js';
import { until, within } from '../helpers/deadline.js';
import { DRIVERS, type DriverCase, forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { STALLED_ROOM, endOf, localPorts, openStalled, openTarget } from '../helpers/many.js';
import { answerLookups } from '../helpers/names.js';
import { connectNet, freePort, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const MANUAL: DriverCase = { name: 'manual', options: { driver: 'manual' } };
const TO = { destinations: { host: HOST, port: 9 }, count: 1 } as const;
const { privateDescriptors } = capabilities();
const PORTS = 22_000;

let networks = 0;
/** A loopback network that no other test of this file uses. */
function newNetwork(): string {
  return `127.90.${++networks}`;
}

/** What a run with these options throws at once; and nothing was opened. */
function refusal(loop: Loop, options: object): Error {
  let caught: unknown;
  try {
    loop.connectMany({ ...TO, ...options } as ConnectManyOptions, {});
  } catch (error) {
    caught = error;
  }
  expect(loop.stats).toMatchObject({ open: 0, connected: 0, connectFailures: 0 });
  return caught instanceof Error ? caught : expect.fail('nothing was thrown');
}

// --- what is asked for ---

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

// --- ports ---

forEachDriver('ports that run out fail what they do not suffice for; all others open', async (driver) => {
  const network = newNetwork();
  const targets = [await openTarget(), await openTarget()];
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    {
      destinations: targets.map(({ address }) => address),
      sources: `${network}.1-${network}.2`,
      ports: 'explicit',
      portRange: [PORTS, PORTS + 4],
      count: 50,
    },
    client.handlers,
  );
  expect(await endOf(run)).toMatchObject({ opened: 20, failed: 30, codes: { EADDRNOTAVAIL: 30 }, stopped: false });
  expect(client.order()).toEqual(Array(20).fill('open'));
  // They are there again.
  for (const id of client.opened) loop.reset(id);
  await client.until('close', 20);
  expect(loop.stats.open).toBe(0);
});

forEachDriver('ports of a destination that refuses are given back, and those of the others are used up', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const loop = openLoop(driver);
  const run = loop.connectMany(
    {
      destinations: [{ host: HOST, port: await freePort() }, target.address],
      sources: `${network}.1`,
      ports: 'explicit',
      portRange: [PORTS, PORTS + 4],
      count: 10,
      maxInFlight: 1,
    },
    {},
  );
  expect(await endOf(run)).toMatchObject({ opened: 5, failed: 5, codes: { ECONNREFUSED: 5 } });
});

forEachDriver('ports that others listen on or connect from are passed over', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const source = `${network}.1`;
  const listening = [PORTS + 1, PORTS + 4];
  for (const port of listening) await openNetServer(undefined, { host: source, port });
  const connected = [PORTS + 2, PORTS + 7];
  for (const localPort of connected) {
    await connectNet(target.address.port, { localAddress: source, localPort });
  }
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    {
      destinations: target.address,
      sources: source,
      ports: 'explicit',
      portRange: [PORTS, PORTS + 9],
      count: 7,
      maxInFlight: 2,
    },
    client.handlers,
  );
  const { portsSkipped, ...result } = await endOf(run);
  expect(result).toMatchObject({ opened: 6, failed: 1, codes: { EADDRNOTAVAIL: 1 } });
  expect(portsSkipped).toBeLessThanOrEqual(4); // fewer when the kernel was asked beforehand
  const free = [...Array(10).keys()].map((i) => PORTS + i).filter((port) => ![...listening, ...connected].includes(port));
  expect((await localPorts(loop, client.opened)).sort()).toEqual(free);
});

forEachDriver('ports that others take in the middle of a run are skipped, and each is counted once', async (driver) => {
  const network = newNetwork();
  const port = await freePort();
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    {
      destinations: { host: HOST, port },
      sources: `${network}.1`,
      ports: 'explicit',
      portRange: [PORTS, PORTS + 9],
      count: 7,
      retry: { codes: ['ECONNREFUSED', 'EADDRNOTAVAIL'], attempts: 60_000, delayMs: 1 },
    },
    client.handlers,
  );
  await until('it to be under way', () => run.counters.retried > 20);
  const taken = [PORTS + 1, PORTS + 4, PORTS + 8];
  for (const each of taken) await openNetServer(undefined, { host: `${network}.1`, port: each });
  await until('all of them to be met', () => run.counters.portsSkipped === 3);
  await openTarget(HOST, port);
  expect(await endOf(run)).toMatchObject({ opened: 7, failed: 0, portsSkipped: 3 });
  const free = [...Array(10).keys()].map((i) => PORTS + i).filter((each) => !taken.includes(each));
  expect((await localPorts(loop, client.opened)).sort()).toEqual(free);
});

forEachDriver('two loops that want the same ports share them without a failure', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const loops = [openLoop(driver), openLoop(driver)];
  const ends = loops.map((loop) =>
    endOf(
      loop.connectMany(
        {
          destinations: target.address,
          sources: `${network}.1`,
          ports: 'explicit',
          portRange: [PORTS, PORTS + 599],
          count: 300,
        },
        {},
      ),
    ),
  );
  const results = await Promise.all(ends);
  expect(results.map(({ opened, failed }) => ({ opened, failed }))).toEqual(Array(2).fill({ opened: 300, failed: 0 }));
  const skipped = results.reduce((sum, { portsSkipped }) => sum + portsSkipped, 0);
  expect(skipped).toBeLessThanOrEqual(600);
});

forEachDriver('more taken ports than one turn looks at delay a run, and no more', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const loop = openLoop(driver);
  const where = { destinations: target.address, sources: `${network}.1`, ports: 'explicit' } as const;
  const taken = loop.connectMany({ ...where, portRange: [PORTS, PORTS + 699], count: 700 }, {});
  expect(await endOf(taken)).toMatchObject({ opened: 700, portsSkipped: 0 });
  const late = loop.connectMany({ ...where, portRange: [PORTS, PORTS + 704], count: 6 }, {});
  expect(await endOf(late)).toMatchObject({ opened: 5, failed: 1, codes: { EADDRNOTAVAIL: 1 } });
});

forEachDriver('a destination that refuses is not met by a socket connected to itself', async (driver) => {
  const network = newNetwork();
  const loop = openLoop(driver);
  const destinations = { host: `${network}.1`, port: PORTS };
  const where = { destinations, sources: `${network}.1`, count: 8, maxInFlight: 1 };
  const refused = await endOf(loop.connectMany({ ...where, ports: 'explicit', portRange: [PORTS, PORTS + 2] }, {}));
  expect(refused).toMatchObject({ opened: 0, codes: { ECONNREFUSED: 8 } });
  const itself = await endOf(loop.connectMany({ ...where, ports: PORTS }, {}));
  expect(itself).toMatchObject({ opened: 0, codes: { EADDRNOTAVAIL: 8 } });
  const port = await freePort();
  const anywhere = { destinations: { host: HOST, port }, count: 1, ports: port };
  expect(await endOf(loop.connectMany(anywhere, {}))).toMatchObject({ opened: 0, codes: { EADDRNOTAVAIL: 1 } });
});

// --- destinations ---

forEachDriver('destinations that refuse are counted, and nobody hears of their connections', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording();
  const destinations = [{ host: HOST, port: await freePort() }, target.address];
  const run = loop.connectMany({ destinations, count: 100 }, client.handlers);
  expect(await endOf(run)).toMatchObject({ opened: 50, failed: 50, notTried: 0, codes: { ECONNREFUSED: 50 } });
  expect(client.order()).toEqual(Array(50).fill('open'));
  expect(loop.stats).toMatchObject({ open: 50, connectFailures: 50, closed: 0 });
});

forEachDriver('a destination with a full queue answers nobody: ETIMEDOUT after timeoutMs', async (driver) => {
  const loop = openLoop(driver);
  const run = loop.connectMany({ destinations: await openStalled(), count: 20, maxInFlight: 10, timeoutMs: 100 }, {});
  expect(await endOf(run)).toMatchObject({
    opened: STALLED_ROOM,
    failed: 20 - STALLED_ROOM,
    codes: { ETIMEDOUT: 20 - STALLED_ROOM },
    stopped: false,
  });
  expect(loop.stats).toMatchObject({ open: STALLED_ROOM, timeouts: 20 - STALLED_ROOM });
});

forEachDriver('an option that the kernel refuses fails every connect, with its name', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const run = loop.connectMany({ destinations: target.address, count: 5, options: { keepAliveCount: 1000 } }, {});
  expect(await endOf(run)).toMatchObject({ opened: 0, failed: 5, codes: { EINVAL: 5 } });
});

forEachDriver('a name that does not resolve rejects the end, as does what it resolves to', async (driver) => {
  const loop = openLoop(driver);
  const to = (host: string): ConnectManyOptions => ({ destinations: [{ host, port: 9 }, TO.destinations], count: 1 });
  await expect(loop.connectMany(to('nobody.invalid'), {}).done).rejects.toMatchObject({
    code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
    syscall: 'getaddrinfo',
  });
  answerLookups(['::1', HOST, HOST, HOST, HOST]);
  await expect(loop.connectMany(to('six.example'), {}).done).rejects.toThrow(RangeError);
  await expect(loop.connectMany({ ...to('four.example'), sources: '192.0.2.1' }, {}).done).rejects.toMatchObject({
    code: 'EADDRNOTAVAIL',
    address: '192.0.2.1',
  });
  expect(loop.stats).toMatchObject({ open: 0, connected: 0, connectFailures: 0 });
});

// --- ends ---

forEachDriver('a loop that is closed begins no run', async (driver) => {
  const loop = openLoop(driver);
  const closed = { code: 'ERR_CONNSCALE_LOOP_CLOSED' };
  const resolving = loop.connectMany({ ...TO, destinations: { host: 'localhost', port: 9 } }, {}).done;
  const rejected = expect(resolving).rejects.toMatchObject(closed);
  await within('the loop to close', loop.close());
  await rejected;
  expect(() => loop.connectMany(TO, {})).toThrow(expect.objectContaining(closed));
});

test('a group that is closed begins no run', async () => {
  const group = new LoopGroup({ loops: 2 });
  await group.close();
  expect(() => group.connectMany({ ...TO, count: 2 }, {})).toThrow(
    expect.objectContaining({ code: 'ERR_CONNSCALE_LOOP_CLOSED' }),
  );
});

forEachDriver('a run that is stopped again and again, in handlers too, ends once', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  for (let round = 0; round < 20; round++) {
    const run = loop.connectMany(
      { destinations: target.address, count: 1_000, maxInFlight: 1 + round },
      {
        open: (id) => {
          if (run.counters.opened > 3 * round) run.stop();
          loop.reset(id);
        },
      },
    );
    const { opened, failed, notTried, codes, stopped } = await endOf(run);
    expect(opened + failed + notTried).toBe(1_000);
    expect(codes).toEqual(failed === 0 ? {} : { ECANCELED: failed });
    expect(stopped).toBe(true);
    expect(run.counters.inFlight).toBe(0);
  }
  await until('all to be closed', () => loop.stats.open === 0);
});

function childArgs({ options }: DriverCase, ...more: readonly number[]): string[] {
  return [options.driver ?? '', options.descriptors ?? 'shared', ...more.map(String)];
}

for (const driver of DRIVERS) {
  test(`EMFILE half-way: what has opened stays, the rest is counted, and all is free again [${driver.name}]`, async () => {
    const target = await openNetServer((socket) => socket.resume());
    const report = await runScriptForJson<{
      tooMany: { opened: number; failed: number; codes: Record<string, number> };
      few: unknown;
      patient: unknown;
      open: number;
    }>('failure/scripts/run-few-descriptors.mjs', { args: childArgs(driver, target.port), descriptors: 64 });
    const { tooMany, ...others } = report;
    expect(tooMany.opened).toBeGreaterThan(20);
    expect(tooMany.opened).toBeLessThan(64);
    expect(tooMany.codes).toEqual({ EMFILE: 200 - tooMany.opened });
    expect(others).toEqual({
      few: { opened: 20, failed: 0, notTried: 0, retried: false, codes: {} },
      patient: { opened: 200, failed: 0, codes: {} },
      open: 0,
    });
  });

  test(`handlers that throw do not keep a run from its end [${driver.name}]`, async () => {
    const target = await openNetServer();
    const args = childArgs(driver, target.port);
    expect(await runScriptForJson('failure/scripts/run-throwing-handlers.mjs', { args })).toEqual({
      opened: 20,
      failed: 0,
      thrown: Array(20).fill('open'),
    });
  });

  test(`a loop that breaks rejects the end of its run [${driver.name}]`, async () => {
    const target = await openNetServer((socket) => socket.pipe(socket));
    const args = childArgs(driver, target.port);
    expect(await runScriptForJson('failure/scripts/run-broken-loop.mjs', { args })).toEqual({
      uncaught: ['ERR_CONNSCALE_LOOP_BROKEN'],
      rejected: 'ERR_CONNSCALE_LOOP_BROKEN',
      refused: 'ERR_CONNSCALE_LOOP_CLOSED',
    });
  });

  test(`a worker that is terminated in the middle of runs leaves nothing behind [${driver.name}]`, async () => {
    const target = await openTarget();
    const stalled = await openStalled();
    const report = await runScriptForJson<Record<'before' | 'after', { descriptors: number; threads: number }>>(
      'failure/scripts/run-ended-workers.mjs',
      { args: childArgs(driver, target.address.port, stalled.port) },
    );
    expect(report.after.descriptors).toBeLessThanOrEqual(report.before.descriptors);
    expect(report.after.threads).toBeLessThanOrEqual(report.before.threads);
    await until('the other side to notice', () => target.loop.stats.open === 0);
  });
}

test.skipIf(!privateDescriptors.supported)('the other loops of a group finish when one is closed', async () => {
  const target = await openTarget();
  const group = openGroup({ loops: 3, descriptors: 'private' });
  const [first] = group.loops;
  const run = group.connectMany({ destinations: target.address, count: 3_000, maxInFlight: 3, ratePerSecond: 3_000 }, {});
  await until('it to be under way', () => (first?.stats.connected ?? 0) > 100);
  await first?.close();
  const result = await endOf(run);
  expect(result.opened).toBeGreaterThanOrEqual(2_000);
  expect(result.notTried).toBeGreaterThan(0);
  expect(result.stopped).toBe(true);
  expect(group.loops.map((loop) => loop.stats.connected).slice(1)).toEqual([1_000, 1_000]);
});
