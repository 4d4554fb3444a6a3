// What the compiler must accept of @connscale/native/system, and what it must not. tsc reads this file; nothing runs it.
import type { Limit, SystemError } from '../../lib/index.js';
import { ports, type PortCensus, type PortInterval, type PortInUse, type PortUsage, type SocketState } from '../../lib/system/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Expect<T extends true> = T;

export type Results = [
  Expect<Equal<Awaited<ReturnType<typeof ports.census>>, PortCensus>>,
  Expect<Equal<Awaited<ReturnType<typeof ports.usage>>, PortUsage>>,
  Expect<Equal<ReturnType<typeof ports.reserved>['intervals'], readonly PortInterval[]>>,
  Expect<Equal<PortCensus['byState']['BOUND'], number | null>>,
  Expect<Equal<PortCensus['byState']['TIME_WAIT'], number>>,
  Expect<Equal<PortUsage['automatic']['explicitlyBound'], null>>,
  Expect<Equal<PortCensus['networkNamespace']['inode'], number | null>>,
  Expect<Equal<SystemError['limit'], Limit | undefined>>,
  Expect<Equal<Limit['used'], number | null>>,
];

export async function rows(): Promise<unknown> {
  const states: readonly SocketState[] = ['ESTABLISHED', 'BOUND'];
  const found: PortInUse[] = [];
  for await (const row of ports.inUse({ source: '10.0.0.0/8', destination: { port: 443 }, states })) found.push(row);
  const remote: string | undefined = found[0]?.remote?.address;
  // @ts-expect-error a listener has no peer
  const address: string | undefined = found[0]?.remote.address;
  return [remote, address];
}

export async function refused(): Promise<unknown> {
  // @ts-expect-error states have the kernel's names
  ports.inUse({ states: ['LISTENING'] });
  // @ts-expect-error a destination is an object
  await ports.usage({ destination: '127.0.0.1:80' });
  // @ts-expect-error a range of one's own is asked of a socket, not of the system
  ports.dynamicRange({ port: 1 });
  const usage = await ports.usage();
  // @ts-expect-error results are readonly
  usage.inUse = 1;
  return usage;
}
