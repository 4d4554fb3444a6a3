// Which ports are in use, as the kernel's socket table has it. The machine's other sockets come and go meanwhile, so each
// test looks at source addresses that nobody else uses, or at differences.
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { ports, type PortInUse } from '../../../lib/system/index.js';
import { readDynamicRange, readReservedPorts, readUnprivilegedStart } from '../../../lib/system/port-range.js';
import { runScriptForJson } from '../../helpers/child.js';
import { within } from '../../helpers/deadline.js';
import { closeCode, connectNet, openNetServer } from '../../helpers/peers.js';
import { describe, expect, onTestFinished, test } from '../../helpers/runner.js';

let used = 0;

/** An address of the loopback network for one test of this process. */
function ownAddress(): string {
  return `127.${200 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}.${1 + (used++ % 250)}`;
}

async function rows(options: Parameters<typeof ports.inUse>[0]): Promise<PortInUse[]> {
  const found = [];
  for await (const row of ports.inUse(options)) found.push(row);
  return found;
}

async function listen(host: string, options: net.ListenOptions = {}): Promise<{ server: Server; port: number }> {
  const server = net.createServer({ pauseOnConnect: true }).listen({ host, port: 0, ...options });
  onTestFinished(() => void server.close());
  await within('a server to listen', once(server, 'listening'));
  return { server, port: (server.address() as net.AddressInfo).port };
}

describe('sysctls', () => {
  test('the range, the reserved ports and the unprivileged start are those of procfs, with their source', () => {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    const inode = Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0]);
    const networkNamespace = { inode, source: '/proc/thread-self/ns/net' };
    expect(readDynamicRange()).toEqual({ low, high });
    expect(ports.dynamicRange()).toMatchObject({
      low,
      high,
      size: (high ?? 0) - (low ?? 0) + 1,
      source: '/proc/sys/net/ipv4/ip_local_port_range',
      networkNamespace,
    });
    expect(ports.dynamicRange({ family: 'IPv6' })).toMatchObject({ low, high });
    expect(ports.reserved()).toMatchObject({ intervals: readReservedPorts(), networkNamespace });
    expect(ports.unprivilegedStart()).toMatchObject({ port: readUnprivilegedStart(), networkNamespace });
  });

  test('in a namespace of its own every figure is known beforehand, those of TIME_WAIT among them', async () => {
    const report = await runScriptForJson<{ timeWait: { port: number } }>('platform/linux/scripts/own-namespace.mjs');
    const { port } = report.timeWait;
    expect(report).toMatchObject({
      reserved: { intervals: [{ low: 40_000, high: 40_009 }, { low: 50_000, high: 50_000 }], size: 11 },
      range: { low: 40_000, high: 50_000, size: 10_001 },
      usage: {
        automatic: { size: 10_001, reserved: 11, listening: 1, connected: 2, connections: 10_001 - 11 - 1 - 2 },
        explicit: { size: 64_512, listening: 0, connected: 2, shared: 1, free: 64_512 - 2 - 1 },
      },
      listening: {
        automatic: { listening: 1, connected: 0, connections: 10_001 - 11 - 1 },
        explicit: { listening: 2, connected: 0, shared: 0, free: 64_512 - 2 },
      },
      census: {
        sockets: 8,
        byFamily: { IPv4: 8, IPv6: 0 },
        byState: { ESTABLISHED: 6, LISTEN: 2, TIME_WAIT: 0 },
        byAddress: [
          { address: '127.0.0.1', sockets: 5 },
          { address: '127.0.0.2', sockets: 3 },
        ],
        otherAddresses: 0,
        otherSockets: 0,
      },
      bounded: { byAddress: [{ address: '127.0.0.1', sockets: 5 }], otherAddresses: 1, otherSockets: 3 },
      timeWait: {
        rows: [
          {
            local: { address: '127.0.0.3', port, family: 'IPv4' },
            remote: { address: '127.0.0.1', port: 20_000, family: 'IPv4' },
            state: 'TIME_WAIT',
          },
        ],
        // In the way of the kernel, and not of an explicit choice.
        usage: {
          timeWait: 1,
          byState: { TIME_WAIT: 1, ESTABLISHED: 0 },
          automatic: { connected: 1 },
          explicit: { connected: 0, shared: 0, free: 64_512 },
        },
      },
      sameNamespace: false,
    });
  });
});

describe('ports.census', () => {
  test('counts what was opened, by state, family and address', async () => {
    const source = ownAddress();
    const server = await openNetServer();
    for (let i = 0; i < 20; i++) await connectNet(server.port, { localAddress: source });
    const census = await ports.census({ addressesMax: 262_144 });
    expect(census.byAddress.find(({ address }) => address === source)).toEqual({ address: source, sockets: 20 });
    expect(census.byState.ESTABLISHED).toBeGreaterThanOrEqual(40);
    expect(census.byState.LISTEN).toBeGreaterThanOrEqual(1);
    expect(census.byFamily.IPv4 + census.byFamily.IPv6).toBe(census.sockets);
    const byState = Object.values(census.byState).reduce<number>((sum, count) => sum + (count ?? 0), 0);
    expect(byState).toBe(census.sockets);
    expect(census.networkNamespace.inode).toBeGreaterThan(0);
    expect(census.source).toBe('sock_diag');
  });

  test('lists no more addresses than it is asked for, and counts the rest together', async () => {
    const server = await openNetServer();
    for (let i = 0; i < 5; i++) await connectNet(server.port, { localAddress: ownAddress() });
    const census = await ports.census({ addressesMax: 2 });
    expect(census.byAddress).toHaveLength(2);
    expect(census.otherAddresses).toBeGreaterThanOrEqual(4);
    const listed = census.byAddress.reduce((sum, { sockets }) => sum + sockets, 0);
    expect(listed + census.otherSockets).toBe(census.sockets);
    expect(await ports.census({ addressesMax: 0 })).toMatchObject({ byAddress: [] });
  });

  test('several at once have each their own answer', async () => {
    const source = ownAddress();
    const server = await openNetServer();
    await connectNet(server.port, { localAddress: source });
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => ports.usage({ source })));
    expect(answers.map(({ byState }) => byState.ESTABLISHED)).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe('ports.usage', () => {
  test('a connection takes its port for its destination, and shares it with others', async () => {
    const source = ownAddress();
    const [server, other] = [await openNetServer(), await openNetServer()];
    for (let i = 0; i < 3; i++) await connectNet(server.port, { localAddress: source });
    const to = async (port: number): ReturnType<typeof ports.usage> =>
      ports.usage({ source, destination: { address: '127.0.0.1', port } });
    const [same, elsewhere] = [await to(server.port), await to(other.port)];
    expect(same).toMatchObject({ from: source, to: { address: '127.0.0.1', port: server.port }, byState: { ESTABLISHED: 3 } });
    expect(same.explicit).toMatchObject({ connected: 3, shared: 0 });
    expect(elsewhere.explicit).toMatchObject({ connected: 0, shared: 3 });
    expect(elsewhere.byState.ESTABLISHED).toBe(0);
    expect(same.explicit.connections).toBe(same.explicit.free);
    expect(same.automatic.connected + same.explicit.connected).toBe(6);
  });
});

describe('ports.inUse', () => {
  test('has a row for each end, with addresses, ports and states', async () => {
    const source = ownAddress();
    const server = await openNetServer();
    const client = await connectNet(server.port, { localAddress: source });
    const [here, there] = [
      { address: source, port: client.localPort, family: 'IPv4' },
      { address: '127.0.0.1', port: server.port, family: 'IPv4' },
    ];
    expect(await rows({ source })).toEqual([{ local: here, remote: there, state: 'ESTABLISHED' }]);
    expect(await rows({ destination: { address: source } })).toEqual([
      { local: there, remote: here, state: 'ESTABLISHED' },
    ]);
    expect(await rows({ source, destination: { port: server.port } })).toHaveLength(1);
    expect(await rows({ source, destination: { address: '127.0.0.2' } })).toEqual([]);
    expect(await rows({ source: `${source}/32`, states: ['LISTEN', 'TIME_WAIT'] })).toEqual([]);
  });

  test('knows IPv6, and the IPv4 connections of a dual-stack listener as IPv4', async () => {
    const { port } = await listen('::');
    const source = ownAddress();
    const clients = [
      await connectNet(port, { localAddress: source }),
      await connectNet(port, { host: '::1', localAddress: '::1' }),
    ];
    expect(await rows({ source: '::', states: ['LISTEN'] })).toContainEqual({
      local: { address: '::', port, family: 'IPv6' },
      remote: null,
      state: 'LISTEN',
    });
    expect(await rows({ destination: { address: source } })).toMatchObject([
      { local: { address: '127.0.0.1', port, family: 'IPv4' }, remote: { port: clients[0]?.localPort } },
    ]);
    expect(await rows({ source: '::1', destination: { address: '::1', port } })).toMatchObject([
      { local: { address: '::1', port: clients[1]?.localPort, family: 'IPv6' }, remote: { address: '::1', port } },
    ]);
    // An address that is written as a mapped one is the IPv4 address.
    expect(await rows({ source: `::ffff:${source}` })).toHaveLength(1);
  });

  test('more rows than cross at once are all there, leaving early leaves nothing, and counting leaves the thread free', async () => {
    const source = ownAddress();
    const report = await runScriptForJson('platform/linux/scripts/many-rows.mjs', { env: { SOURCE: source } });
    expect(report).toEqual({
      rows: 5200,
      distinct: 5200,
      whileOpen: 1,
      descriptorsLeft: 0,
      counted: 5201,
      threadWasFree: true,
    });
  });

  test('selects by networks of every length', async () => {
    const source = ownAddress();
    const server = await openNetServer();
    await connectNet(server.port, { localAddress: source });
    const destination = { address: '127.0.0.1', port: server.port };
    for (const bits of [32, 31, 24, 17, 8, 1, 0]) {
      const found = await rows({ source: `${source}/${bits}`, destination });
      expect(found.filter(({ local }) => local.address === source)).toHaveLength(1);
    }
    const ipv6 = await rows({ source: '::/0', destination: { port: server.port } });
    expect(ipv6.filter(({ local }) => local.family === 'IPv4')).toEqual([]);
  });
});

describe('a worker that ends', () => {
  const source = new URL('../../../dist/system/index.js', import.meta.url).href;
  test('in the middle of a question takes nothing with it', async () => {
    const code = `
      import { parentPort } from 'node:worker_threads';
      import { ports } from '${source}';
      const ask = async () => { for (;;) await ports.census(); };
      const walk = async () => { for (;;) for await (const row of ports.inUse()) void row; };
      void ask(); void walk(); void ask();
      setImmediate(() => parentPort.postMessage('asked'));`;
    for (let i = 0; i < 10; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
      await within('the worker to ask', once(worker, 'message'));
      expect(await worker.terminate()).toBe(1);
    }
    expect((await ports.census()).sockets).toBeGreaterThanOrEqual(0);
  });
});

test('sockets of a closed server and its clients are gone from the table', async () => {
  const source = ownAddress();
  const { server, port } = await listen('127.0.0.1');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = await connectNet(port, { localAddress: source });
  const [socket] = await within('the connection', accepted);
  socket.resetAndDestroy();
  expect(await closeCode(client)).toBe('ECONNRESET');
  expect(await rows({ source })).toEqual([]);
});
