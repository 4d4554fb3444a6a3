// The states of TCP sockets, by name and by number.

import { native } from '../binding.js';

/**
 * A TCP state as Linux names it, and `'BOUND'`: bound to a port, neither connected nor listening.
 *
 * @see include/net/tcp_states.h
 */
export type SocketState =
  | 'ESTABLISHED'
  | 'SYN_SENT'
  | 'SYN_RECV'
  | 'FIN_WAIT1'
  | 'FIN_WAIT2'
  | 'TIME_WAIT'
  | 'CLOSE'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'LISTEN'
  | 'CLOSING'
  | 'BOUND';

/** Every state. */
export const SOCKET_STATES = native.socketStates.filter((name) => name !== '') as readonly SocketState[];

/** The name of a state's number. */
export function stateName(number: number): SocketState {
  return native.socketStates[number] as SocketState;
}

/** A bit for each of the states. */
export function statesMask(states: readonly SocketState[]): number {
  return states.reduce((mask, state) => mask | (1 << native.socketStates.indexOf(state)), 0);
}

/** Counts by number as counts by name; every state is there. */
export function countsByState(counts: readonly number[]): Readonly<Record<SocketState, number>> {
  const entries = SOCKET_STATES.map((state) => [state, counts[native.socketStates.indexOf(state)] ?? 0]);
  return Object.fromEntries(entries) as Record<SocketState, number>;
}
