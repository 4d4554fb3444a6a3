import { type ConnectManyOptions, type ConnectionId, capabilities } from '../../lib/index.js';
import { readDynamicRange } from '../../lib/system/port-range.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { countEach, endOf, localPorts, loopbackNetworks, openTarget, tuplesOf } from '../helpers/many.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

const { socketPortRange } = capabilities();

const newNetwork = loopbackNetworks(80);

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
        count: 12,
        maxInFlight: 1,
        ratePerSecond: 20,
      },
      { open: reset },
    );
    await endOf(run);
    const [first = 0, ...others] = Object.values(countEach(await Promise.all(sources)));
    // All have closed again when the next is due, but for a machine that has other things to do.
    if (sourceStrategy === 'least-used') expect(first).toBeGreaterThan(4);
    else expect([first, ...others]).toEqual([4, 4, 4]);
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
