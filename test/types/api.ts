// What the compiler must accept, and what it must not. tsc reads this file; nothing runs it.
import type {
  Capabilities,
  ConnectionError,
  ConnectionId,
  ConnscaleErrorCode,
  GroupListener,
  Handlers,
  ListenOptions,
  Listener,
  ListenerStats,
  Loop,
  LoopGroup,
  LoopOptions,
  SocketAddress,
  SocketOptionName,
  SocketOptionValue,
  SystemError,
} from '../../lib/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Expect<T extends true> = T;

export type Results = [
  Expect<Equal<ReturnType<Loop['connect']>, ConnectionId>>,
  Expect<Equal<ReturnType<Loop['write']>, number>>,
  Expect<Equal<ReturnType<Loop['poll']>, number>>,
  Expect<Equal<Awaited<ReturnType<Loop['listen']>>, Listener>>,
  Expect<Equal<Awaited<ReturnType<LoopGroup['listen']>>, GroupListener>>,
  Expect<Equal<Awaited<ReturnType<Loop['localAddress']>>, SocketAddress>>,
  Expect<Equal<ListenerStats['queueDepth'], number | null>>,
  Expect<Equal<SocketOptionValue<'noDelay'>, boolean>>,
  Expect<Equal<SocketOptionValue<'lingerMs'>, number>>,
  Expect<Equal<LoopOptions['driver'], 'node' | 'thread' | 'manual' | undefined>>,
  Expect<Equal<keyof Capabilities['socketOptions'], SocketOptionName>>,
];

declare const loop: Loop;
declare const group: LoopGroup;
declare const id: ConnectionId;

export function ids(): void {
  const asNumber: number = id;
  loop.isOpen(asNumber);
  // @ts-expect-error a number is no connection id
  loop.write(asNumber, 'x');
  // @ts-expect-error nor is arithmetic on one
  loop.end(id + 1);
}

export function bytes(): void {
  loop.write(id, 'text');
  loop.write(id, new Uint8Array(1), 0, 1);
  loop.write(id, Buffer.from('x'));
  // @ts-expect-error an ArrayBuffer is not bytes
  loop.write(id, new ArrayBuffer(1));
  // @ts-expect-error nor are numbers
  loop.write(id, [1, 2, 3]);
}

export function handlers(): void {
  const all: Handlers = {
    open: (each: ConnectionId) => loop.pause(each),
    data: (each, received: Buffer) => loop.write(each, received),
    close: (_each, error?: ConnectionError) => error?.code satisfies string | undefined,
  };
  void loop.listen({ port: 0 }, all);
  // @ts-expect-error there is no such event
  void loop.listen({ port: 0 }, { message: () => undefined });
  // @ts-expect-error the handlers are not optional
  void loop.listen({ port: 0 });
}

export function options(): unknown {
  // @ts-expect-error a listener needs a port
  void loop.listen({ host: '::' }, {});
  // @ts-expect-error a connect needs a host
  loop.connect({ port: 80 }, {});
  // @ts-expect-error units are in the name
  void loop.listen({ port: 0, idleTimeout: 1000 }, {});
  // @ts-expect-error a group is always threads
  const grouped: ConstructorParameters<typeof LoopGroup>[0] = { loops: 2, driver: 'node' };
  const listen: ListenOptions = { port: 0 };
  // @ts-expect-error options are readonly
  listen.port = 1;
  return grouped;
}

export async function socketOptions(): Promise<unknown> {
  const noDelay: boolean = await loop.setOption(id, 'noDelay', true);
  const lingerMs: number = await group.getOption(id, 'lingerMs');
  // @ts-expect-error a flag is no number
  await loop.setOption(id, 'noDelay', 1);
  // @ts-expect-error there is no such option
  await loop.getOption(id, 'nagle');
  return [noDelay, lingerMs];
}

export function errors(error: ConnectionError, system: SystemError): unknown {
  const code: ConnscaleErrorCode = 'ERR_CONNSCALE_STALE_ID';
  // @ts-expect-error codes are a closed list
  const unknown: ConnscaleErrorCode = 'ERR_CONNSCALE_WHATEVER';
  const place: readonly [string, string, string | undefined] = [system.code, system.syscall, system.address];
  return [error.code, code, unknown, place];
}

export async function disposal(): Promise<unknown> {
  await using own = loop;
  await using shared = group;
  await using listener = await own.listen({ port: 0 }, {});
  const address: SocketAddress = listener.address;
  // @ts-expect-error an address does not change
  address.port = 1;
  return shared.loops;
}
