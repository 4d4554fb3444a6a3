// How runs of connectMany go on and end: bounds, rates, retries, stops.
import { startScript } from '../helpers/child.js';
import { until } from '../helpers/deadline.js';
import { DRIVERS, forEachDriver, openLoop } from '../helpers/drivers.js';
import { STALLED_ROOM, endOf, openStalled, openTarget } from '../helpers/many.js';
import { answerLookups } from '../helpers/names.js';
import { freePort, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

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
});

forEachDriver('stopped while it is being handed over, a run ends as well', async (driver) => {
  const destinations = await openStalled(); // of which no connect ends by itself
  const loop = openLoop(driver);
  for (let ticks = 0; ticks < 12; ticks++) {
    const run = loop.connectMany({ destinations, count: 10 }, {});
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    run.stop();
    const { opened, failed, notTried, stopped } = await endOf(run);
    expect({ stopped, all: opened + failed + notTried }).toEqual({ stopped: true, all: 10 });
  }
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
