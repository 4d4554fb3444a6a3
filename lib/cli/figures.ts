// Numbers as reports have them: no finer than they were measured.

/** Microseconds are what the clock tells. */
export function reportSeconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

/** A share for each connection, to the hundredth; null without connections. */
export function perConnection(total: number, connections: number): number | null {
  return connections === 0 ? null : Math.round((total / connections) * 100) / 100;
}

/** Connections per second; null without connections. */
export function perSecond(connections: number, seconds: number): number | null {
  return connections === 0 ? null : Math.round(connections / seconds);
}
