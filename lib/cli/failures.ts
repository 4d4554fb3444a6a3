// Failures by code, and what each code means for the person who reads it.

/** Codes of this command, beside those of the kernel and the library. */
export type OwnFailureCode =
  /** The peer ended a connection that was to be held. */
  | 'PEER_CLOSED'
  /** Established on the connecting side, but never accepted. */
  | 'NOT_ACCEPTED';

const EXPLANATIONS: Readonly<Record<string, string>> = {
  PEER_CLOSED: 'the peer closed the connection',
  NOT_ACCEPTED: 'connected, but the server side never accepted it',
  EACCES: 'a firewall or policy of this machine forbids it',
  EADDRINUSE: 'the address and port are taken',
  EADDRNOTAVAIL: 'no free source port, or not an address of this machine (--source)',
  ECONNABORTED: 'the kernel gave the connection up',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the peer reset the connection',
  EHOSTUNREACH: 'no route to the host',
  EINVAL: 'the kernel refuses this pair of source and destination',
  EMFILE: 'out of descriptors in this table: raise "ulimit -n"',
  ENETUNREACH: 'no route to the network',
  ENFILE: 'out of open files on this system: raise fs.file-max',
  ENOBUFS: 'the kernel is out of memory for sockets',
  ENOMEM: 'the kernel is out of memory',
  ENOSPC: 'out of epoll registrations: raise fs.epoll.max_user_watches',
  EPIPE: 'the peer had closed the connection already',
  EPERM: 'a firewall of this machine forbids it',
  ETIMEDOUT: 'no answer in time: a full accept queue, or dropped packets',
  ERR_CONNSCALE_CONNECTIONS_EXHAUSTED: 'the loop holds its maximum of connections',
};

/** How many connections failed, by code. */
export class Failures {
  readonly #counts = new Map<string, number>();
  #total = 0;

  /** Connections that failed. */
  get total(): number {
    return this.#total;
  }

  add(code: string, count = 1): void {
    if (count === 0) return;
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + count);
    this.#total += count;
  }

  /** Code → count, the most frequent first. */
  toJSON(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([, a], [, b]) => b - a));
  }
}

/** What a code means, in words; undefined for one that says enough itself. */
export function explainFailure(code: string): string | undefined {
  return EXPLANATIONS[code];
}
