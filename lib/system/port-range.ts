// The kernel's rules for source ports, as its sysctls have them in the caller's network namespace.

import { readProcFile, readProcNumber } from './proc-file.js';

/** The sysctls of this file, by the paths that name them in errors and results. */
export const DYNAMIC_RANGE_PATH = '/proc/sys/net/ipv4/ip_local_port_range';
export const RESERVED_PORTS_PATH = '/proc/sys/net/ipv4/ip_local_reserved_ports';
export const UNPRIVILEGED_START_PATH = '/proc/sys/net/ipv4/ip_unprivileged_port_start';

/** Ports from `low` to `high`, both included. */
export interface PortInterval {
  /** The first port. */
  readonly low: number;
  /** The last port. */
  readonly high: number;
}

/**
 * net.ipv4.ip_local_port_range: the ports that the kernel chooses from, for IPv4 and IPv6 alike. 32768 to 60999 unless
 * it was changed.
 *
 * @throws {Error} the file cannot be read; the message names it and says why.
 * @see ip(7) https://man7.org/linux/man-pages/man7/ip.7.html
 */
export function readDynamicRange(): PortInterval {
  return { low: readProcNumber(DYNAMIC_RANGE_PATH, 0), high: readProcNumber(DYNAMIC_RANGE_PATH, 1) };
}

/**
 * net.ipv4.ip_local_reserved_ports: ports that the kernel never chooses by itself, though a program may bind them.
 * Ascending and disjoint, as the kernel prints them; none by default.
 *
 * @throws {Error} the file cannot be read, or says what is no list of ports; the message names it and says why.
 * @see Documentation/networking/ip-sysctl.rst
 */
export function readReservedPorts(): readonly PortInterval[] {
  const text = readProcFile(RESERVED_PORTS_PATH).trim();
  return text === '' ? [] : text.split(',').map(parseInterval);
}

/** `8080` or `9148-9150`. */
function parseInterval(text: string): PortInterval {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text.trim());
  if (found === null) throw new Error(`${RESERVED_PORTS_PATH}: '${text}' is neither a port nor a range of ports`);
  const low = Number(found[1]);
  return { low, high: Number(found[2] ?? low) };
}

/**
 * net.ipv4.ip_unprivileged_port_start: the lowest port that a program without CAP_NET_BIND_SERVICE may bind. 1024 unless
 * it was changed.
 *
 * @throws {Error} the file cannot be read; the message names it and says why.
 * @see Documentation/networking/ip-sysctl.rst
 */
export function readUnprivilegedStart(): number {
  return readProcNumber(UNPRIVILEGED_START_PATH);
}
