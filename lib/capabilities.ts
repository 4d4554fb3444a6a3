// What this kernel and this build can do.

import { libuvUsable, native, platformName } from './binding.js';
import { SOCKET_OPTION_NAMES, type SocketOptionName } from './loop/socket-options.js';

/** Whether something can be done here. */
export interface Capability {
  /** Whether it can. */
  readonly supported: boolean;
  /** Why it cannot; absent where it can. */
  readonly reason?: string;
}

/** What can be done here, by name. */
export interface Capabilities {
  /** The `'node'` driver: the loop inside Node's own. */
  readonly nodeDriver: Capability;
  /** `descriptors: 'private'`. */
  readonly privateDescriptors: Capability;
  /** `reusePort` listeners, over which the kernel spreads connections. */
  readonly reusePort: Capability;
  /** A range of source ports for one socket (IP_LOCAL_PORT_RANGE): `ports: 'range'` of `connectMany`. */
  readonly socketPortRange: Capability;
  /** Each socket option. */
  readonly socketOptions: Readonly<Record<SocketOptionName, Capability>>;
}

function capability(supported: boolean, reason: string): Capability {
  return supported ? { supported } : { supported, reason };
}

/** What this kernel and this build can do, each with the reason where it cannot. */
export function capabilities(): Capabilities {
  const rows = new Set(native.socketOptions.map((option) => option.name));
  const option = (name: SocketOptionName): [SocketOptionName, Capability] => [
    name,
    capability(rows.has(name), `${platformName} has no such option`),
  ];
  return {
    nodeDriver: capability(libuvUsable, "this runtime's event loop is not libuv 1.x, or CONNSCALE_LIBUV=off"),
    privateDescriptors: capability(
      native.canLeaveDescriptorTable(),
      'close_range(2) is missing (Linux 5.9) or refused by a seccomp filter',
    ),
    reusePort: capability(platformName === 'linux', `${platformName} does not spread connections over listeners`),
    socketPortRange: capability(native.hasSocketPortRange(), 'IP_LOCAL_PORT_RANGE is missing (Linux 6.3)'),
    socketOptions: Object.fromEntries(SOCKET_OPTION_NAMES.map(option)) as Record<SocketOptionName, Capability>,
  };
}
