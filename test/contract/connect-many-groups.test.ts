// Runs of connectMany over several loops, and of very many connections.
import { type LoopGroupOptions, capabilities } from '../../lib/index.js';
import { WAIT_MS, isSanitized, until, within } from '../helpers/deadline.js';
import { openGroup, openLoop } from '../helpers/drivers.js';
import { STALLED_ROOM, endOf, loopbackNetworks, openStalled, openTarget, tuplesOf } from '../helpers/many.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const { privateDescriptors } = capabilities();
const newNetwork = loopbackNetworks(81);
const PORTS = 21_000;

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
      {
        open: () => {
          opened++;
        },
      },
    );
    expect(await endOf(run, SCALE_MS)).toMatchObject({ opened: count, failed: 0, notTried: 0, codes: {} });
    expect(opened).toBe(count);
    const bytesEach = (process.memoryUsage.rss() - before) / (2 * count);
    // 96 are promised; JavaScript's heap and what the kernel maps for tables come and go. A sanitizer shadows it all.
    expect(bytesEach).toBeLessThan(isSanitized ? 2_048 : 256);
    const held = (group: typeof clients): number => group.loops.reduce((sum, loop) => sum + loop.stats.open, 0);
    await until('the other side', () => held(servers) === count);
    await within('the connections to close', clients.close(), SCALE_MS);
    expect(held(clients)).toBe(0);
    await until('the other side to close', () => held(servers) === 0);
  },
  2 * SCALE_MS,
);
