// A server that echoes, discards or holds.

import type { ConnectionId } from '../loop/connection-id.js';
import type { Handlers } from '../loop/handlers.js';
import type { ListenerStats, SocketAddress } from '../loop/listener.js';
import { LoopGroup } from '../loop/loop-group.js';
import type { Descriptors, Driver } from '../loop/loop-options.js';
import type { LoopStats } from '../loop/loop-stats.js';
import { Loop } from '../loop/loop.js';
import { Failures } from './failures.js';

/** What happens to what peers send: it is sent back, dropped, or not expected. */
export const SERVE_MODES = ['echo', 'discard', 'hold'] as const;
export type ServeMode = (typeof SERVE_MODES)[number];

export interface ServeSettings {
  readonly host: string;
  readonly port: number;
  readonly mode: ServeMode;
  readonly loops: number;
  readonly driver: Exclude<Driver, 'manual'>;
  readonly descriptors: Descriptors;
}

/** A loop, or several behind the same verbs. */
type Server = Pick<Loop, 'write' | 'close'> & {
  listen(...request: Parameters<Loop['listen']>): Promise<{ address: SocketAddress; stats(): Promise<ListenerStats> }>;
};

export class ServeRun {
  readonly #settings: ServeSettings;
  readonly #server: Server;
  readonly #loops: readonly Loop[];
  readonly #closeErrors = new Failures();
  #open = 0;
  #openMax = 0;
  #accepted = 0;

  /** @throws {SystemError} the loops cannot be opened. */
  constructor(settings: ServeSettings) {
    this.#settings = settings;
    const { loops, driver, descriptors } = settings;
    if (driver === 'thread') {
      const group = new LoopGroup({ loops, descriptors });
      this.#server = group;
      this.#loops = group.loops;
    } else {
      const loop = new Loop({ driver });
      this.#server = loop;
      this.#loops = [loop];
    }
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open;
  }

  /** The most that were open at once. */
  get openMax(): number {
    return this.#openMax;
  }

  get accepted(): number {
    return this.#accepted;
  }

  /** Connections that closed with an error, by code. Peers that reset are among them. */
  get closeErrors(): Failures {
    return this.#closeErrors;
  }

  get bytesReceived(): number {
    return this.#sum((stats) => stats.bytesReceived);
  }

  get bytesSent(): number {
    return this.#sum((stats) => stats.bytesSent);
  }

  /** Accepts that the kernel refused. */
  get acceptFailures(): number {
    return this.#sum((stats) => stats.acceptFailures);
  }

  /**
   * Listens and serves from then on.
   *
   * @throws {SystemError} what the kernel, or name resolution, says.
   */
  async listen(): Promise<SocketAddress> {
    const { host, port, mode } = this.#settings;
    const listener = await this.#server.listen({ host, port }, this.#handlers(mode));
    return listener.address;
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  #sum(pick: (stats: LoopStats) => number): number {
    return this.#loops.reduce((total, loop) => total + pick(loop.stats), 0);
  }

  #handlers(mode: ServeMode): Handlers {
    const counting: Handlers = {
      open: () => {
        this.#accepted++;
        this.#open++;
        if (this.#open > this.#openMax) this.#openMax = this.#open;
      },
      close: (_id, error) => {
        this.#open--;
        if (error !== undefined) this.#closeErrors.add(error.code ?? 'unknown');
      },
    };
    if (mode !== 'echo') return counting;
    const server = this.#server;
    return {
      ...counting,
      // A peer that does not read is bounded by the loop: above its high-water mark it reads no more from that peer.
      dataIn: (id: ConnectionId, slab: Buffer, offset: number, length: number) => {
        server.write(id, slab, offset, length);
      },
    };
  }
}
