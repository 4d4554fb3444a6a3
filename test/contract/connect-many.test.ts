import { type ConnectManyOptions, type ConnectionId, type LoopGroupOptions, capabilities } from '../../lib/index.js';
import { readDynamicRange } from '../../lib/system/port-range.js';
import { startScript } from '../helpers/child.js';
import { WAIT_MS, until, within } from '../helpers/deadline.js';
import { DRIVERS, forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { STALLED_ROOM, countEach, endOf, localPorts, openStalled, openTarget, tuplesOf } from '../helpers/many.js';
import { answerLookups } from '../helpers/names.js';
import { freePort, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const { socketPortRange, privateDescriptors } = capabilities();

/** A loopback address of its own for each test: whatever ports it takes, nobody else wants them. */
let networks = 0;
function newNetwork(): string {
  const number = ++networks;
  return `127.${80 + Math.floor(number / 256)}.${number % 256}`;
}

/** Ports below the automatic range, so that the kernel gives them to nobody. */
const PORTS = 21_000;

forEachDriver('a run opens as many connections as asked for, and says so', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany({ destinations: target.address, count: 50 }, client.handlers);
  const result = await endOf(run);
  expect(result).toEqual({
    requested: 50,
    opened: 50,
    failed: 0,
    notTried: 0,
    retried: 0,
    portsSkipped: 0,
    codes: {},
    stopped: false,
    limits: [],
    ports: expect.stringMatching(/^(range|kernel|explicit)$/),
    slowestMs: expect.any(Number),
    seconds: expect.any(Number),
  });
  expect(client.order()).toEqual(Array(50).fill('open'));
  expect(new Set(client.opened).size).toBe(50);
  const { opened, failed, retried, inFlight, waiting, portsSkipped } = run.counters;
  expect({ opened, failed, retried, inFlight, waiting, portsSkipped }).toEqual({
    opened: 50,
    failed: 0,
    retried: 0,
    inFlight: 0,
    waiting: 0,
    portsSkipped: 0,
  });
  expect(loop.stats).toMatchObject({ connected: 50, open: 50 });
  await target.server.until('open', 50);
});

forEachDriver('what a run opened is written to, answered and closed like any connection', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording({ open: (id) => loop.write(id, 'hello') });
  await endOf(loop.connectMany({ destinations: target.address, count: 10 }, client.handlers));
  await client.untilReceived(50);
  for (const id of client.opened) {
    expect(client.received(id).toString()).toBe('hello');
    expect(loop.isOpen(id)).toBe(true);
    expect(await loop.remoteAddress(id)).toMatchObject({ port: target.address.port });
    loop.end(id);
  }
  await Promise.all([client.until('close', 10), target.server.until('close', 10)]);
  for (const id of client.opened) {
    expect(client.order(id)).toEqual(['open', 'data', 'close']);
    expect(client.closeError(id)).toBeUndefined();
    expect(loop.isOpen(id)).toBe(false);
  }
});

forEachDriver('connections of a run that close while it lasts count as opened', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver, { maxConnections: 40 });
  const client = new Recording({ open: (id) => loop.destroy(id) });
  const run = loop.connectMany({ destinations: target.address, count: 40, maxInFlight: 2 }, client.handlers);
  expect(await endOf(run)).toMatchObject({ opened: 40, failed: 0, stopped: false });
  await client.until('close', 40);
  // The handlers outlive their run only as long as its connections do: another run may have their number.
  const next = new Recording();
  await endOf(loop.connectMany({ destinations: target.address, count: 40 }, next.handlers));
  expect([client.count('open'), next.count('open')]).toEqual([40, 40]);
});

forEachDriver('destinations have their turns', async (driver) => {
  const targets = [await openTarget(), await openTarget(), await openTarget('127.0.0.2')];
  const loop = openLoop(driver);
  const client = new Recording();
  await endOf(loop.connectMany({ destinations: targets.map(({ address }) => address), count: 31, maxInFlight: 3 }, client.handlers));
  await Promise.all(targets.map(({ server }, i) => server.until('open', i === 0 ? 11 : 10)));
  expect(targets.map(({ server }) => server.count('open'))).toEqual([11, 10, 10]);
});

forEachDriver('sources are addresses, blocks, ranges and interfaces, and each has its turn', async (driver) => {
  const network = newNetwork();
  const cases: readonly (readonly [ConnectManyOptions['sources'], readonly string[]])[] = [
    [`${network}.1`, [`${network}.1`]],
    [`${network}.0/29`, [1, 2, 3, 4, 5, 6].map((byte) => `${network}.${byte}`)],
    [`${network}.8/31`, [`${network}.8`, `${network}.9`]],
    ['127.79.0.254-127.79.1.1', ['127.79.0.254', '127.79.0.255', '127.79.1.0', '127.79.1.1']],
    [
      [`${network}.20`, `${network}.22 - ${network}.23`, `${network}.32/30`],
      [20, 22, 23, 33, 34].map((byte) => `${network}.${byte}`),
    ],
    [{ interface: 'lo' }, ['127.0.0.1']],
  ];
  const loop = openLoop(driver);
  for (const [sources, addresses] of cases) {
    const target = await openTarget();
    const count = 2 * addresses.length;
    const run = loop.connectMany({ destinations: target.address, sources: sources ?? [], count }, {});
    expect(await endOf(run)).toMatchObject({ opened: count });
    await target.server.until('open', count);
    expect(await target.sources()).toEqual(Object.fromEntries(addresses.map((address) => [address, 2])));
  }
});

forEachDriver('IPv6: by address, and by the interface, of which the other family is left out', async (driver) => {
  const target = await openTarget('::1');
  const loop = openLoop(driver);
  const to = { destinations: target.address, count: 5 };
  for (const sources of ['::1', { interface: 'lo' }, '::1/128', '::1-::1'] as const) {
    expect(await endOf(loop.connectMany({ ...to, sources, ports: 'explicit' }, {}))).toMatchObject({ opened: 5 });
  }
  expect(await endOf(loop.connectMany(to, {}))).toMatchObject({ opened: 5 });
  await target.server.until('open', 25);
  expect(await target.sources()).toEqual({ '::1': 25 });
});

for (const [sourceStrategy, expected] of [
  ['round-robin', 'as many from each'],
  ['least-used', 'most from the one whose connections close'],
] as const) {
  forEachDriver(`${sourceStrategy}: ${expected}`, async (driver) => {
    const network = newNetwork();
    const loop = openLoop(driver);
    const target = await openTarget();
    const sources: Promise<string>[] = [];
    const reset = (id: ConnectionId): void => {
      sources.push(loop.localAddress(id).then(({ address }) => address));
      loop.reset(id);
    };
    const run = loop.connectMany(
      {
        destinations: target.address,
        sources: `${network}.1-${network}.3`,
        sourceStrategy,
        count: 60,
        maxInFlight: 1,
        ratePerSecond: 200,
      },
      { open: reset },
    );
    await endOf(run);
    const [first = 0, ...others] = Object.values(countEach(await Promise.all(sources)));
    // All have closed again when the next is due, but for a machine that has other things to do.
    if (sourceStrategy === 'least-used') expect(first).toBeGreaterThan(30);
    else expect([first, ...others]).toEqual([20, 20, 20]);
  });
}

forEachDriver('least-used: as many from each while none closes', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const sources = `${network}.1-${network}.3`;
  const loop = openLoop(driver);
  await endOf(loop.connectMany({ destinations: target.address, sources, sourceStrategy: 'least-used', count: 30 }, {}));
  await target.server.until('open', 30);
  expect(Object.values(await target.sources())).toEqual([10, 10, 10]);
});

forEachDriver('explicit ports: every tuple once, from outside of the automatic range', async (driver) => {
  const network = newNetwork();
  const targets = [await openTarget(), await openTarget()];
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    { destinations: targets.map(({ address }) => address), sources: `${network}.1-${network}.2`, ports: 'explicit', count: 400 },
    client.handlers,
  );
  expect(await endOf(run)).toMatchObject({ opened: 400, ports: 'explicit' });
  expect(new Set(await tuplesOf(loop, client.opened)).size).toBe(400);
  const { low, high } = readDynamicRange();
  const ports = await localPorts(loop, client.opened);
  expect(ports.filter((port) => port >= low && port <= high)).toEqual([]);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(1024);
});

forEachDriver('explicit ports: one port serves two destinations at once, each to the last port', async (driver) => {
  const network = newNetwork();
  const targets = [await openTarget(), await openTarget()];
  const loop = openLoop(driver);
  const client = new Recording();
  const portRange = [PORTS, PORTS + 9] as const;
  const run = loop.connectMany(
    { destinations: targets.map(({ address }) => address), sources: `${network}.1`, ports: 'explicit', portRange, count: 20 },
    client.handlers,
  );
  expect(await endOf(run)).toMatchObject({ opened: 20, failed: 0, portsSkipped: 0 });
  const ports = (await localPorts(loop, client.opened)).sort();
  expect(ports).toEqual([...Array(20).keys()].map((i) => PORTS + Math.floor(i / 2)));
  expect(new Set(await tuplesOf(loop, client.opened)).size).toBe(20);
});

forEachDriver('explicit ports without a source: the kernel chooses the address alone', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany({ destinations: target.address, ports: 'explicit', count: 50 }, client.handlers);
  expect(await endOf(run)).toMatchObject({ opened: 50 });
  expect(new Set(await localPorts(loop, client.opened)).size).toBe(50);
  await target.server.until('open', 50);
  expect(await target.sources()).toEqual({ '127.0.0.1': 50 });
});

forEachDriver('a port of the run is used again when its connection has closed', async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const loop = openLoop(driver);
  const ports: Promise<number>[] = [];
  const reset = (id: ConnectionId): void => {
    ports.push(loop.localAddress(id).then(({ port }) => port));
    loop.reset(id); // which leaves no TIME_WAIT behind
  };
  const run = loop.connectMany(
    {
      destinations: target.address,
      sources: `${network}.1`,
      ports: 'explicit',
      portRange: [PORTS, PORTS + 3],
      count: 40,
      retry: { codes: ['EADDRNOTAVAIL'], attempts: 10_000, delayMs: 1 },
    },
    { open: reset },
  );
  expect(await endOf(run)).toMatchObject({ opened: 40, failed: 0, portsSkipped: 0 });
  expect([...new Set(await Promise.all(ports))].sort()).toEqual([PORTS, PORTS + 1, PORTS + 2, PORTS + 3]);
});

if (socketPortRange.supported) {
  forEachDriver("ports 'range': the kernel's choice within a range of the socket's own", async (driver) => {
    const network = newNetwork();
    const target = await openTarget();
    const loop = openLoop(driver);
    const client = new Recording();
    const { low } = readDynamicRange();
    const portRange = [low + 100, low + 299] as const; // others have some of them
    const run = loop.connectMany(
      { destinations: target.address, sources: `${network}.1`, ports: 'range', portRange, count: 50 },
      client.handlers,
    );
    expect(await endOf(run)).toMatchObject({ opened: 50, ports: 'range' });
    const ports = await localPorts(loop, client.opened);
    expect(new Set(ports).size).toBe(50);
    expect(ports.filter((port) => port < portRange[0] || port > portRange[1])).toEqual([]);
  });
}

forEachDriver("ports 'kernel': from the automatic range, with and without a source", async (driver) => {
  const network = newNetwork();
  const target = await openTarget();
  const loop = openLoop(driver);
  const { low, high } = readDynamicRange();
  for (const sources of [undefined, `${network}.1`]) {
    const client = new Recording();
    const where = sources === undefined ? {} : { sources };
    const run = loop.connectMany({ destinations: target.address, ...where, ports: 'kernel', count: 20 }, client.handlers);
    expect(await endOf(run)).toMatchObject({ opened: 20, ports: 'kernel' });
    for (const port of await localPorts(loop, client.opened)) expect(port >= low && port <= high).toBe(true);
  }
});

forEachDriver('a fixed port: once for each source and destination, and then no more', async (driver) => {
  const network = newNetwork();
  const targets = [await openTarget(), await openTarget()];
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    { destinations: targets.map(({ address }) => address), sources: `${network}.1-${network}.3`, ports: PORTS, count: 7 },
    client.handlers,
  );
  expect(await endOf(run)).toMatchObject({ opened: 6, failed: 1, codes: { EADDRNOTAVAIL: 1 } });
  expect(await localPorts(loop, client.opened)).toEqual(Array(6).fill(PORTS));
  expect(new Set(await tuplesOf(loop, client.opened)).size).toBe(6);
});

forEachDriver('options are set before each connect', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording();
  await endOf(loop.connectMany({ destinations: target.address, count: 3, options: { keepAliveCount: 7 } }, client.handlers));
  for (const id of client.opened) expect(await loop.getOption(id, 'keepAliveCount')).toBe(7);
});

forEachDriver('an idle timeout closes what a run opened', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const client = new Recording();
  await endOf(loop.connectMany({ destinations: target.address, count: 3, idleTimeoutMs: 100 }, client.handlers));
  await client.until('close', 3);
  expect(client.closeError()).toMatchObject({ code: 'ERR_CONNSCALE_IDLE_TIMEOUT' });
});

forEachDriver('no more than maxInFlight are under way, and that many', async (driver) => {
  const loop = openLoop(driver);
  const run = loop.connectMany({ destinations: await openStalled(), count: 30, maxInFlight: 7 }, {});
  await until('seven to be under way', () => run.counters.opened === STALLED_ROOM && run.counters.inFlight === 7);
  expect(loop.stats).toMatchObject({ open: STALLED_ROOM + 7, connected: STALLED_ROOM });

  const target = await openTarget();
  const seen = new Set<number>();
  const sampled = loop.connectMany(
    { destinations: target.address, count: 500, maxInFlight: 5 },
    { open: () => seen.add(sampled.counters.inFlight) },
  );
  expect(await endOf(sampled)).toMatchObject({ opened: 500 });
  expect(Math.max(...seen)).toBeLessThanOrEqual(5);
});

forEachDriver('ratePerSecond is a bound for what is started', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const rate = 200;
  const startedAt = performance.now();
  const run = loop.connectMany({ destinations: target.address, count: 5_000, ratePerSecond: rate }, {});
  await until('some to be open', () => run.counters.opened >= 30);
  run.stop();
  const { opened, notTried } = await endOf(run);
  const seconds = (performance.now() - startedAt) / 1000;
  expect(opened).toBeLessThanOrEqual(1 + rate * (seconds + 0.1)); // a tenth of a second may be caught up on
  expect(opened + notTried).toBe(5_000);
});

forEachDriver('retry: a destination that refuses until somebody listens gets all its connections', async (driver) => {
  const port = await freePort();
  const loop = openLoop(driver);
  const client = new Recording();
  const run = loop.connectMany(
    {
      destinations: { host: '127.0.0.1', port },
      count: 5,
      retry: { codes: ['ECONNREFUSED'], attempts: 10_000, delayMs: 10 },
    },
    client.handlers,
  );
  await until('some tries', () => run.counters.retried >= 12 && run.counters.waiting > 0);
  expect(run.counters).toMatchObject({ opened: 0, failed: 0 });
  expect(client.happenings).toEqual([]);
  await openTarget('127.0.0.1', port);
  const result = await endOf(run);
  expect(result).toMatchObject({ opened: 5, failed: 0, codes: {} });
  expect(result.retried).toBeGreaterThanOrEqual(12);
  expect(client.order()).toEqual(Array(5).fill('open'));
});

forEachDriver('retry: after as many tries as allowed a connect has failed, once', async (driver) => {
  const loop = openLoop(driver);
  const client = new Recording();
  const to = { destinations: { host: '127.0.0.1', port: await freePort() }, count: 4 };
  const retry = { codes: ['ECONNREFUSED'], attempts: 3, delayMs: 0 };
  const refused = { opened: 0, failed: 4, notTried: 0, stopped: false, codes: { ECONNREFUSED: 4 } };
  const often = await endOf(loop.connectMany({ ...to, retry }, client.handlers));
  expect(often).toMatchObject({ ...refused, retried: 8 });
  // Not for other errors.
  const once = await endOf(loop.connectMany({ ...to, retry: { ...retry, codes: ['ETIMEDOUT'] } }, client.handlers));
  expect(once).toMatchObject({ ...refused, retried: 0 });
  expect(client.happenings).toEqual([]);
  expect(loop.stats).toMatchObject({ connectFailures: 16, open: 0, closed: 0 });
});

forEachDriver('retry: a loop that is full of tries that failed has room for the next', async (driver) => {
  const loop = openLoop(driver, { maxConnections: 20 });
  const run = loop.connectMany(
    {
      destinations: { host: '127.0.0.1', port: await freePort() },
      count: 20,
      retry: { codes: ['ECONNREFUSED'], attempts: 20, delayMs: 0 },
    },
    {},
  );
  expect(await endOf(run)).toMatchObject({ failed: 20, retried: 20 * 19, codes: { ECONNREFUSED: 20 } });
});

for (const how of ['its signal', 'stop()', 'closing the loop'] as const) {
  forEachDriver(`${how} ends a run half-way: what is open stays, what is under way fails`, async (driver) => {
    const loop = openLoop(driver);
    const client = new Recording();
    const abort = new AbortController();
    const run = loop.connectMany(
      { destinations: await openStalled(), count: 30, maxInFlight: 7, signal: abort.signal },
      client.handlers,
    );
    await until('seven to be under way', () => run.counters.opened === STALLED_ROOM && run.counters.inFlight === 7);
    if (how === 'its signal') abort.abort();
    if (how === 'stop()') run.stop();
    const closed = how === 'closing the loop' ? loop.close() : undefined;
    expect(await endOf(run)).toMatchObject({
      opened: STALLED_ROOM,
      failed: 7,
      notTried: 30 - STALLED_ROOM - 7,
      codes: { ECANCELED: 7 },
      stopped: true,
    });
    expect(run.counters.inFlight).toBe(0);
    expect(client.count('open')).toBe(STALLED_ROOM);
    await closed;
    const stay = how === 'closing the loop' ? [false, false] : [true, true];
    expect(client.opened.map((id) => loop.isOpen(id))).toEqual(stay);
    run.stop(); // it has ended: nothing happens
  });
}

forEachDriver('stopped before it begins, a run opens nothing', async (driver) => {
  const target = await openTarget();
  const loop = openLoop(driver);
  const to = { destinations: target.address, count: 10 };
  const aborted = loop.connectMany({ ...to, signal: AbortSignal.abort() }, {});
  const stopped = loop.connectMany({ ...to, destinations: { ...target.address, host: 'localhost' } }, {});
  stopped.stop();
  for (const run of [aborted, stopped]) {
    expect(await endOf(run)).toMatchObject({ opened: 0, failed: 0, notTried: 10, stopped: true });
  }
  const atOnce = loop.connectMany(to, {});
  atOnce.stop();
  const { opened, failed, notTried, stopped: told } = await endOf(atOnce);
  expect({ told, all: opened + failed + notTried }).toEqual({ told: true, all: 10 });
});

forEachDriver('what stops a run that has ended stops no other', async (driver) => {
  const target = await openTarget();
  const port = await freePort();
  const loop = openLoop(driver);
  const abort = new AbortController();
  const ended = loop.connectMany({ destinations: target.address, count: 1, signal: abort.signal }, {});
  await endOf(ended);
  await target.server.until('open');
  target.loop.destroy(target.server.opened[0] ?? expect.fail());
  await until('all to be closed', () => loop.stats.open === 0);
  const retry = { codes: ['ECONNREFUSED'], attempts: 10_000, delayMs: 5 };
  const other = loop.connectMany({ destinations: { host: '127.0.0.1', port }, count: 2, retry }, {});
  await until('the other to begin', () => other.counters.retried > 0);
  ended.stop();
  abort.abort();
  await until('the other to go on', () => other.counters.retried > 6);
  await openTarget('127.0.0.1', port);
  expect(await endOf(other)).toMatchObject({ opened: 2, stopped: false });
});

forEachDriver('two runs of one loop go on beside each other', async (driver) => {
  const targets = [await openTarget(), await openTarget()];
  const loop = openLoop(driver);
  const clients = [new Recording(), new Recording()];
  const runs = targets.map((target, i) =>
    loop.connectMany({ destinations: target.address, count: 100 + i, maxInFlight: 3 }, (clients[i] ?? expect.fail()).handlers),
  );
  expect((await Promise.all(runs.map((run) => endOf(run)))).map(({ opened }) => opened)).toEqual([100, 101]);
  expect(clients.map((client) => client.count('open'))).toEqual([100, 101]);
});

forEachDriver('names are resolved once, and where they lead counts', async (driver) => {
  const targets = [await openTarget('127.0.0.1'), await openTarget('127.0.0.2')];
  const asked = answerLookups(['127.0.0.1', '127.0.0.2']);
  const loop = openLoop(driver);
  const destinations = targets.map(({ address }, i) => ({ ...address, host: `name-${i}.example` }));
  expect(await endOf(loop.connectMany({ destinations, count: 20 }, {}))).toMatchObject({ opened: 20 });
  await Promise.all(targets.map(({ server }) => server.until('open', 10)));
  expect(asked).toEqual(['name-0.example', 'name-1.example']);
});

// A 'manual' loop keeps nothing alive: whoever polls it does.
const driven = DRIVERS.filter(({ options }) => options.driver !== 'manual');
for (const { name, options } of driven) {
  test(`a run keeps the process alive, and no longer [${name}]`, async () => {
    const args = [options.driver ?? '', options.descriptors ?? 'shared'];
    const server = await openNetServer((socket) => socket.end('hello'));
    const outcomes = [server.port, await freePort()].map(
      (port) => startScript('contract/scripts/connect-many.mjs', { args: [...args, String(port)] }).outcome,
    );
    const [served, refused] = await Promise.all(outcomes);
    expect(served).toMatchObject({ code: 0, stderr: '' });
    expect(served?.stdout.split('\n').sort()).toEqual([
      '',
      'exit',
      ...Array<string>(3).fill('received hello'),
      '{"opened":3,"failed":0,"retried":0}',
    ]);
    expect(refused).toMatchObject({ code: 0, stderr: '', stdout: '{"opened":0,"failed":3,"retried":6}\nexit\n' });
  });
}

// --- groups ---

function forEachTable(name: string, body: (options: LoopGroupOptions) => Promise<void>): void {
  for (const descriptors of ['shared', 'private'] as const) {
    const missing = descriptors === 'private' && !privateDescriptors.supported;
    test.skipIf(missing)(`${name} [${descriptors} descriptors]`, () => body({ loops: 3, descriptors }));
  }
}

forEachTable('a group spreads a run over its loops, and ids are of them all', async (options) => {
  const target = await openTarget();
  const group = openGroup(options);
  const client = new Recording({ open: (id) => group.write(id, 'hello') });
  const run = group.connectMany({ destinations: target.address, count: 90 }, client.handlers);
  expect(await endOf(run)).toMatchObject({ requested: 90, opened: 90, failed: 0 });
  expect(run.counters).toMatchObject({ opened: 90, inFlight: 0 });
  expect(group.loops.map((loop) => loop.stats.open)).toEqual([30, 30, 30]);
  await client.untilReceived(90 * 5);
  for (const id of client.opened) group.destroy(id);
  await client.until('close', 90);
});

forEachTable('a group uses every tuple that there is, whatever loops, addresses and ports come to', async (options) => {
  const group = openGroup(options);
  const cases: readonly (readonly [addresses: number, ports: number])[] = [
    [1, 10], // ports of its own for each loop, 3, 3 and 4
    [4, 5], // no addresses of its own for each: ports
    [6, 1], // addresses
    [4, 1], // addresses, not the same number
    [1, 2], // more loops than ports
    [2, 1],
  ];
  for (const [addresses, ports] of cases) {
    const network = newNetwork();
    const targets = [await openTarget(), await openTarget()];
    const client = new Recording();
    const count = 2 * addresses * ports;
    const run = group.connectMany(
      {
        destinations: targets.map(({ address }) => address),
        sources: `${network}.1-${network}.${addresses}`,
        ports: 'explicit',
        portRange: [PORTS, PORTS + ports - 1],
        count,
      },
      client.handlers,
    );
    const { opened, failed, portsSkipped } = await endOf(run);
    expect({ addresses, ports, opened, failed, portsSkipped }).toEqual({
      addresses,
      ports,
      opened: count,
      failed: 0,
      portsSkipped: 0,
    });
    expect(new Set(await tuplesOf(group, client.opened)).size).toBe(count);
  }
});

forEachTable('destinations have their turns over all loops of a group', async (options) => {
  const targets = [await openTarget(), await openTarget(), await openTarget()];
  const group = openGroup(options);
  for (let round = 1; round <= 2; round++) {
    await endOf(group.connectMany({ destinations: targets.map(({ address }) => address), count: 3 }, {}));
    await Promise.all(targets.map(({ server }) => server.until('open', round)));
  }
  expect(targets.map(({ server }) => server.count('open'))).toEqual([2, 2, 2]);
});

forEachTable('fewer connections than loops, and one', async (options) => {
  const target = await openTarget();
  const group = openGroup(options);
  for (const count of [1, 2]) {
    expect(await endOf(group.connectMany({ destinations: target.address, count }, {}))).toMatchObject({ opened: count });
  }
});

forEachTable('maxInFlight is for all loops of a group together', async (options) => {
  const group = openGroup(options);
  const destinations = await openStalled();
  const run = group.connectMany({ destinations, count: 30, maxInFlight: 7 }, {});
  // Of connects at one moment the queue lets a few more through than its length.
  await until('two for each loop', () => run.counters.opened >= STALLED_ROOM && run.counters.inFlight === 6);
  run.stop();
  expect(await endOf(run)).toMatchObject({ failed: 6, codes: { ECANCELED: 6 }, stopped: true });
  expect(() => group.connectMany({ destinations, count: 30, maxInFlight: 2 }, {})).toThrow('options.maxInFlight');
});

forEachTable('closing a group in the middle of a run ends the run', async (options) => {
  const group = openGroup(options);
  const run = group.connectMany({ destinations: await openStalled(), count: 30, maxInFlight: 6 }, {});
  await until('six to be under way', () => run.counters.inFlight === 6);
  await within('the group to close', group.close());
  expect(await endOf(run)).toMatchObject({ failed: 6, codes: { ECANCELED: 6 }, stopped: true });
});

// --- many ---

const SCALE_MS = 120_000;

test.skipIf(!privateDescriptors.supported)(
  '15,000 connections of one loop, from one address to one destination',
  async () => {
    const network = newNetwork();
    const target = await openTarget();
    const loop = openLoop({ name: 'node', options: { driver: 'node' } });
    const opened = new Set<number>();
    const run = loop.connectMany(
      { destinations: target.address, sources: `${network}.1`, count: 15_000 },
      { open: (id) => opened.add(id) },
    );
    expect(await endOf(run, 4 * WAIT_MS)).toMatchObject({ opened: 15_000, failed: 0 });
    expect(opened.size).toBe(15_000);
    await until('the other side', () => target.loop.stats.open === 15_000);
  },
  SCALE_MS,
);

test.skipIf(!privateDescriptors.supported)(
  '100,000 connections of a group, with memory in bounds, and all closed again',
  async () => {
    const network = newNetwork();
    const loops = 8;
    const count = 100_000;
    const options = { loops, descriptors: 'private', closeTimeoutMs: 30_000, maxConnections: 16_384 } as const;
    const servers = openGroup(options);
    const target = await servers.listen({ host: '127.0.0.1', port: 0 }, {});
    const clients = openGroup(options);
    const before = process.memoryUsage.rss();
    let opened = 0;
    const run = clients.connectMany(
      { destinations: { host: '127.0.0.1', port: target.address.port }, sources: `${network}.1-${network}.8`, count },
      { open: () => void opened++ },
    );
    expect(await endOf(run, SCALE_MS)).toMatchObject({ opened: count, failed: 0, notTried: 0, codes: {} });
    expect(opened).toBe(count);
    const bytesEach = (process.memoryUsage.rss() - before) / (2 * count);
    // 96 are promised; JavaScript's heap and what the kernel maps for tables come and go.
    expect(bytesEach).toBeLessThan(256);
    const held = (group: typeof clients): number => group.loops.reduce((sum, loop) => sum + loop.stats.open, 0);
    await until('the other side', () => held(servers) === count);
    await within('the connections to close', clients.close(), SCALE_MS);
    expect(held(clients)).toBe(0);
    await until('the other side to close', () => held(servers) === 0);
  },
  2 * SCALE_MS,
);
