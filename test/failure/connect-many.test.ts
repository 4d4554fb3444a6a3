import { type ConnectManyOptions, LoopGroup, capabilities } from '../../lib/index.js';
import { runScriptForJson } from '../helpers/child.js';
import { until, within } from '../helpers/deadline.js';
import { DRIVERS, type DriverCase, forEachDriver, openGroup, openLoop } from '../helpers/drivers.js';
import { STALLED_ROOM, endOf, localPorts, loopbackNetworks, openStalled, openTarget } from '../helpers/many.js';
import { answerLookups } from '../helpers/names.js';
import { connectNet, freePort, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';
const TO = { destinations: { host: HOST, port: 9 }, count: 1 } as const;
const { privateDescriptors } = capabilities();
const PORTS = 22_000;

const newNetwork = loopbackNetworks(90);

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
