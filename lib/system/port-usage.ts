// What is left of the ports: arithmetic over the marks of each port, by the kernel's rules for sharing them.

import type { PortInterval } from './port-range.js';

const PORT_MAX = 65_535;

/** PortMark of native/engine/port_marks.h. */
export const PortMark = {
  Listens: 1,
  Bound: 2,
  ListensHere: 4,
  BoundHere: 8,
  Connected: 16,
  ConnectedElsewhere: 32,
  TimeWait: 64,
  TimeWaitElsewhere: 128,
} as const;

/** What is left when the kernel chooses the port: no `bind`, port 0, IP_BIND_ADDRESS_NO_PORT or IP_LOCAL_PORT_RANGE. */
export interface AutomaticPorts {
  /** net.ipv4.ip_local_port_range. */
  readonly range: PortInterval;
  /** Ports in it. */
  /** Ports of the range. */
  readonly size: number;
  /** Of these: never chosen, for net.ipv4.ip_local_reserved_ports. */
  readonly reserved: number;
  /** Listened on, whichever the address: the kernel avoids them on all. */
  readonly listening: number;
  /** Bound by sockets that neither connect nor listen, whichever the address. Null: not known, as `boundReason` says. */
  readonly bound: number | null;
  /** Used by a connection from the source to the destination, TIME_WAIT included. */
  readonly connected: number;
  /** Held by connections that were bound to them explicitly, on any address, TIME_WAIT included: the kernel avoids these
   * too, and does not say which they are. Always null. */
  readonly explicitlyBound: null;
  /** What is, or is not, known of ports that are bound to a number. */
  readonly explicitlyBoundReason: string;
  /** More connections that fit, to this destination. At most: `explicitlyBound` is not taken off. */
  readonly connections: number;
}

/** What is left when the program chooses the port and binds to it with SO_REUSEADDR. */
export interface ExplicitPorts {
  /** From net.ipv4.ip_unprivileged_port_start, at least 1, to 65535: neither the range nor reserved ports matter. */
  readonly range: PortInterval;
  /** Ports of it. */
  readonly size: number;
  /** Listened on, at the source address or at all of them. */
  readonly listening: number;
  /** Bound there by sockets that neither connect nor listen. Null: not known, as `boundReason` says. */
  readonly bound: number | null;
  /** Used by a connection from the source to the destination that still lives. TIME_WAIT is no obstacle. */
  readonly connected: number;
  /** Used from the source to other destinations only: free for this one where their sockets have SO_REUSEADDR too. */
  readonly shared: number;
  /** Used by nothing but TIME_WAIT. */
  readonly free: number;
  /** More connections that fit, to this destination: `free` and `shared`. */
  readonly connections: number;
}

const NOT_TOLD = 'sock_diag does not tell a port that was bound from one that the kernel chose';

function isReserved(reserved: readonly PortInterval[], port: number): boolean {
  return reserved.some(({ low, high }) => port >= low && port <= high);
}

/**
 * What the kernel can still choose.
 *
 * @param marks - A byte of `PortMark`s for each port.
 */
export function automaticPorts(
  marks: Uint8Array,
  { range, reserved, boundKnown }: { range: PortInterval; reserved: readonly PortInterval[]; boundKnown: boolean },
): AutomaticPorts {
  const counts = { reserved: 0, listening: 0, bound: 0, connected: 0, connections: 0 };
  for (let port = range.low; port <= range.high; port++) {
    const mark = marks[port] ?? 0;
    if (isReserved(reserved, port)) counts.reserved++;
    else if (mark & PortMark.Listens) counts.listening++;
    else if (mark & PortMark.Bound) counts.bound++;
    else if (mark & (PortMark.Connected | PortMark.TimeWait)) counts.connected++;
    else counts.connections++;
  }
  return {
    range,
    size: range.high - range.low + 1,
    ...counts,
    bound: boundKnown ? counts.bound : null,
    explicitlyBound: null,
    explicitlyBoundReason: NOT_TOLD,
  };
}

/**
 * What a program can still choose by itself.
 *
 * @param marks - A byte of `PortMark`s for each port.
 */
export function explicitPorts(
  marks: Uint8Array,
  { unprivilegedStart, boundKnown }: { unprivilegedStart: number; boundKnown: boolean },
): ExplicitPorts {
  const range = { low: Math.max(1, unprivilegedStart), high: PORT_MAX };
  const counts = { listening: 0, bound: 0, connected: 0, shared: 0, free: 0 };
  for (let port = range.low; port <= range.high; port++) {
    const mark = marks[port] ?? 0;
    if (mark & PortMark.ListensHere) counts.listening++;
    else if (mark & PortMark.BoundHere) counts.bound++;
    else if (mark & PortMark.Connected) counts.connected++;
    else if (mark & PortMark.ConnectedElsewhere) counts.shared++;
    else counts.free++;
  }
  return {
    range,
    size: range.high - range.low + 1,
    ...counts,
    bound: boundKnown ? counts.bound : null,
    connections: counts.free + counts.shared,
  };
}
