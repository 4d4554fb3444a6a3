// What the kernel knows of the ports that a run is about to bind.

import { readProcFile } from '../system/proc-file.js';
import type { PortInterval } from '../system/port-range.js';
import { SOCKET_STATES } from '../system/socket-states.js';
import { takenPorts } from '../system/taken-ports.js';
import type { AddressPool } from './address-pool.js';
import { ADDRESS_RECORD_BYTES, LITTLE_ENDIAN } from './layout.js';

export interface PortSeed {
  /** Pairs of AddressRecords, source and destination, that are connected. */
  readonly taken: Uint8Array;
  /** Ports that somebody listens on, whichever the address. */
  readonly listening: readonly PortInterval[];
}

/** Rows of one question; of what is beyond them the kernel tells when it is tried. */
const ROWS_MAX = 262_144;
/** Ranges that one question may have; more are not told apart by the kernel, but here. */
const RANGES_MAX = 4_096;
/**
 * A walk through the kernel's table takes 5 ms and more; trying a taken tuple takes 2 µs. With fewer sockets than this
 * there is nothing to win.
 */
const SOCKETS_WORTH_A_WALK = 4_096;
const CONNECTED_STATES = SOCKET_STATES.filter((state) => state !== 'LISTEN' && state !== 'BOUND');
const PORT_AT = 2;
const RECORDS_BYTES = 2 * ADDRESS_RECORD_BYTES;

function socketsOfNamespace(): number {
  const text = `${readProcFile('/proc/net/sockstat')}${readProcFile('/proc/net/sockstat6')}`;
  const counts = text.matchAll(/^TCP6?: inuse (\d+)|\btw (\d+)/gm);
  return [...counts].reduce((sum, [, inUse, timeWait]) => sum + Number(inUse ?? timeWait), 0);
}

async function listeningPorts(): Promise<PortInterval[]> {
  const { rows } = await takenPorts({ family: 0, states: ['LISTEN'], sources: new Uint8Array(0), rowsMax: ROWS_MAX });
  const view = new DataView(rows);
  const ports = new Set<number>();
  for (let at = 0; at < rows.byteLength; at += RECORDS_BYTES) ports.add(view.getUint16(at + PORT_AT, LITTLE_ENDIAN));
  return [...ports].map((port) => ({ low: port, high: port }));
}

/** An address and itself for each record: what a question takes for one destination. */
function exactly(records: Uint8Array): Uint8Array {
  const pairs = new Uint8Array(2 * records.length);
  for (let at = 0; at < records.length; at += ADDRESS_RECORD_BYTES) {
    const record = records.subarray(at, at + ADDRESS_RECORD_BYTES);
    pairs.set(record, 2 * at);
    pairs.set(record, 2 * at + ADDRESS_RECORD_BYTES);
  }
  return pairs;
}

async function connectedTuples(sources: AddressPool, destinations: Uint8Array): Promise<Uint8Array> {
  if (socketsOfNamespace() < SOCKETS_WORTH_A_WALK) return new Uint8Array(0);
  const few = destinations.length / ADDRESS_RECORD_BYTES <= RANGES_MAX;
  const { rows } = await takenPorts({
    family: sources.family ?? 0,
    states: CONNECTED_STATES,
    sources: sources.encodeEnds(RANGES_MAX),
    rowsMax: ROWS_MAX,
    ...(few && { destinations: exactly(destinations) }),
  });
  return new Uint8Array(rows);
}

/**
 * Asks the kernel, off this thread.
 *
 * @throws {SystemError} as {@link takenPorts}.
 */
export async function readPortSeed(sources: AddressPool, destinations: Uint8Array): Promise<PortSeed> {
  const [listening, taken] = await Promise.all([listeningPorts(), connectedTuples(sources, destinations)]);
  return { listening, taken };
}
