// What runs of connectMany connect to, and what they left to be seen.
import { capabilities, type ConnectionId, type Destination, type Loop, type LoopGroup } from '../../lib/index.js';
import type { ConnectManyResult, ConnectRun } from '../../lib/index.js';
import { within } from './deadline.js';
import { openLoop, openUnpolled } from './drivers.js';
import { Recording } from './recording.js';

/**
 * Loopback networks, each for one test: whatever ports it takes there, nobody else wants them.
 *
 * @param second - The second byte of its addresses: one for each test file.
 */
export function loopbackNetworks(second: number): () => string {
  let networks = 0;
  return () => `127.${second}.${++networks % 256}`;
}

/** By address: how many. */
export type SourceCounts = Readonly<Record<string, number>>;

export interface Target {
  /** Where it listens, to be given to a run. */
  readonly address: Destination;
  readonly loop: Loop;
  /** What its connections did. */
  readonly server: Recording;
  /** How many connections came from each address. */
  sources(): Promise<SourceCounts>;
}

/** A listener of a loop of its own, which has descriptors of its own where the kernel can. It echoes. */
export async function openTarget(host = '127.0.0.1', port = 0): Promise<Target> {
  const descriptors = capabilities().privateDescriptors.supported ? 'private' : 'shared';
  const loop = openLoop({ name: 'target', options: { driver: 'thread', descriptors } });
  const server = new Recording({ data: (id, bytes) => loop.write(id, bytes) });
  const { address } = await loop.listen({ host, port }, server.handlers);
  const sources = async (): Promise<SourceCounts> => {
    const addresses = await Promise.all(server.opened.map(async (id) => (await loop.remoteAddress(id)).address));
    return countEach(addresses);
  };
  return { address: { host, port: address.port }, loop, server, sources };
}

/** How many connects a stalled listener lets through: what Linux keeps for a backlog of 1. */
export const STALLED_ROOM = 2;

/** Nobody accepts: once its queue is full it answers no connect any more. */
export async function openStalled(): Promise<Destination> {
  const loop = openUnpolled({ driver: 'manual', closeTimeoutMs: 0 });
  const state = { listening: false };
  const listening = loop.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, {}).finally(() => {
    state.listening = true;
  });
  while (!state.listening) {
    loop.poll(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { host: '127.0.0.1', port: (await listening).address.port };
}

export function countEach(values: readonly string[]): SourceCounts {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** Source and destination of each connection, as one word. */
export async function tuplesOf(loop: Loop | LoopGroup, ids: readonly ConnectionId[]): Promise<string[]> {
  return Promise.all(
    ids.map(async (id) => {
      const [local, remote] = await Promise.all([loop.localAddress(id), loop.remoteAddress(id)]);
      return `${local.address}:${local.port} ${remote.address}:${remote.port}`;
    }),
  );
}

export async function localPorts(loop: Loop | LoopGroup, ids: readonly ConnectionId[]): Promise<number[]> {
  return Promise.all(ids.map(async (id) => (await loop.localAddress(id)).port));
}

/** Its end, within the bound that everything has. */
export async function endOf(run: ConnectRun, waitMs?: number): Promise<ConnectManyResult> {
  return within('the run to end', run.done, waitMs);
}
