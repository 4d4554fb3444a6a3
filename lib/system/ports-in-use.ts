// The system's TCP sockets one by one, read from the kernel no faster than they are wanted.

import { native, type NativeFailure, type NativeSocketCursor } from '../binding.js';
import { SystemError } from '../system-error.js';
import { ADDRESS_BYTES, ROW_BYTES, decodeAddress, type RowAddress } from './socket-record.js';
import { encodeSelection, type SocketSelection } from './socket-selection.js';
import { stateName, type SocketState } from './socket-states.js';
import { isFailure } from './system-query.js';

/** Rows that cross from native code at once: 192 KiB. */
const BATCH_ROWS = 4_096;
const STATE_AT = 1;

/** A socket that uses a port. An IPv4 connection of a dual-stack socket is told as IPv4. */
export interface PortInUse {
  /** The local address and port. */
  readonly local: RowAddress;
  /** Null: it has no peer. */
  readonly remote: RowAddress | null;
  /** The TCP state. */
  readonly state: SocketState;
}

function decodeRow(view: DataView, at: number): PortInUse {
  const local = decodeAddress(view, at);
  if (local === null) throw new TypeError('a socket without an address');
  return { local, remote: decodeAddress(view, at + ADDRESS_BYTES), state: stateName(view.getUint8(at + STATE_AT)) };
}

async function nextBatch(cursor: NativeSocketCursor): Promise<DataView> {
  const outcome = await new Promise<ArrayBuffer | NativeFailure>((resolve) => {
    cursor.next(BATCH_ROWS, resolve);
  });
  if (isFailure(outcome)) throw new SystemError(outcome.errno, outcome.syscall);
  return new DataView(outcome);
}

async function* walk(query: ReturnType<typeof encodeSelection>): AsyncGenerator<PortInUse, void, undefined> {
  const cursor = new native.SocketCursor(query);
  try {
    for (;;) {
      const batch = await nextBatch(cursor);
      if (batch.byteLength === 0) return;
      for (let at = 0; at < batch.byteLength; at += ROW_BYTES) yield decodeRow(batch, at);
    }
  } finally {
    cursor.close();
  }
}

/** The sockets of a selection. What is wrong with the selection is thrown at once, not by the first row. */
export function portsInUse(options: SocketSelection): AsyncGenerator<PortInUse, void, undefined> {
  return walk(encodeSelection(options));
}
