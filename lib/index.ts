// The public names of @connscale/native.

export { capabilities, type Capabilities, type Capability } from './capabilities.js';
export { ConnscaleError, type ConnscaleErrorCode } from './connscale-error.js';
export type { SourceAddresses } from './loop/address-pool.js';
export { ConnectRun, type ConnectManyCounters, type ConnectManyResult } from './loop/connect-many.js';
export type { ConnectManyOptions, Destination, RetryOptions } from './loop/connect-many-options.js';
export type { ConnectOptions, ConnectSource } from './loop/connect-options.js';
export type { ConnectionId } from './loop/connection-id.js';
export type { ConnectionError, Handlers } from './loop/handlers.js';
export type { ListenOptions } from './loop/listen-options.js';
export { Listener, type ListenerStats, type SocketAddress } from './loop/listener.js';
export { GroupListener, LoopGroup, type LoopGroupOptions } from './loop/loop-group.js';
export type { Descriptors, Driver, LoopOptions } from './loop/loop-options.js';
export { LoopStats } from './loop/loop-stats.js';
export { Loop } from './loop/loop.js';
export type { SocketOptionName, SocketOptions, SocketOptionValue } from './loop/socket-options.js';
export { SystemError, type SystemErrorDetails } from './system-error.js';
export type { Limit } from './system/explain-limit.js';
