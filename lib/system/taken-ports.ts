// The sockets that stand in the way of source ports, as bytes: what an allocator seeds itself with.

import { native } from '../binding.js';
import { SOCKET_STATES, statesMask, type SocketState } from './socket-states.js';
import { systemQuery } from './system-query.js';

/** What `takenPorts` is asked. Ranges are pairs of address records: the first address and the last, both included. */
export interface TakenPortsOptions {
  /** The family of the sources; 0: both. */
  readonly family: 0 | 4 | 6;
  /** Local addresses. None, and every one will do. */
  readonly sources: Uint8Array;
  /** Default: all. Those that listen or are bound are listed whatever the destinations. */
  readonly states?: readonly SocketState[];
  /** Remote addresses, each with the port of its first record, 0 for any. Default: connections to anywhere. */
  readonly destinations?: Uint8Array;
  /** Rows at most. Default and upper bound 4,194,304 (48 bytes each). */
  readonly rowsMax?: number;
}

/** Rows of sockets. */
export interface TakenPorts {
  /** 48 bytes each: the local address record, with the state's number in its byte 1, and the remote one, of family 0
   * without a peer. Listening and bound sockets come first, on the sources or on every address. */
  readonly rows: ArrayBuffer;
  /** There were more connections than `rowsMax`; which of them are missing is not known. */
  readonly truncated: boolean;
  /** Whether sockets that are bound and idle are among the rows (Linux 6.8); null: it could not be tried. */
  readonly boundListed: boolean | null;
  /** The kernel lost its place in the table meanwhile. */
  readonly interrupted: boolean;
}

/**
 * Every socket that uses a port of the sources: listening, bound, connected, or in TIME_WAIT.
 *
 * @throws {TypeError} the bytes are no pairs of address records.
 * @throws {SystemError} as {@link systemQuery}.
 */
export async function takenPorts(options: TakenPortsOptions): Promise<TakenPorts> {
  const { family, sources, states = SOCKET_STATES, destinations, rowsMax } = options;
  return systemQuery('takenPorts', {
    family,
    states: statesMask(states),
    sources,
    sourcePort: 0,
    destinations: destinations ?? new Uint8Array(),
    rowsMax: rowsMax ?? native.limits.socketRowsMax,
  });
}
