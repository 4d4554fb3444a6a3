// The other side, by node:net: two faults of ours cannot cancel each other.
import { once } from 'node:events';
import net from 'node:net';
import { within } from './deadline.js';
import { onTestFinished } from './runner.js';

export interface NetServer {
  readonly port: number;
  /** All connections so far. */
  readonly sockets: net.Socket[];
  /** The next connection that was not returned before. */
  accept(): Promise<net.Socket>;
}

/** A node:net server on 127.0.0.1, closed with the test. Its connections are paused until somebody reads them. */
export async function openNetServer(
  onConnection?: (socket: net.Socket) => void,
  options: net.ListenOptions = {},
): Promise<NetServer> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const sockets: net.Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined); // resets are looked at by those tests that cause them
    onConnection?.(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen({ host: '127.0.0.1', port: 0, ...options });
  await within('a node:net server to listen', once(server, 'listening'));
  let returned = 0;
  return {
    port: (server.address() as net.AddressInfo).port,
    sockets,
    async accept() {
      const index = returned++;
      while (sockets[index] === undefined) await within('a connection to arrive', once(server, 'connection'));
      return sockets[index];
    },
  };
}

/** A node:net connection, not yet connected, destroyed with the test. */
export function startNet(port: number, options: Partial<net.TcpNetConnectOpts> = {}): net.Socket {
  const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, ...options });
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** A node:net connection that is established. */
export async function connectNet(port: number, options?: Partial<net.TcpNetConnectOpts>): Promise<net.Socket> {
  const socket = startNet(port, options);
  await within('a node:net connect', once(socket, 'connect'));
  return socket;
}

/** All that comes until FIN. */
export async function readToEnd(socket: net.Socket): Promise<Buffer> {
  if (socket.readableEnded) return Buffer.alloc(0);
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  const ended = within('FIN', once(socket, 'end'));
  socket.resume();
  await ended;
  return Buffer.concat(pieces);
}

/** The next `length` bytes. What comes behind them stays unread. */
export async function readExactly(socket: net.Socket, length: number): Promise<Buffer> {
  const read = new Promise<Buffer>((resolve) => {
    const pieces: Buffer[] = [];
    let missing = length;
    const onData = (piece: Buffer): void => {
      pieces.push(piece.subarray(0, missing));
      const rest = piece.subarray(missing);
      missing -= piece.length - rest.length;
      if (missing > 0) return;
      socket.off('data', onData);
      socket.pause();
      if (rest.length > 0) socket.unshift(rest);
      resolve(Buffer.concat(pieces));
    };
    socket.on('data', onData);
    socket.resume();
  });
  return within(`${length} bytes`, read);
}

/** How a node:net socket ends: the code of its error, or null. */
export async function closeCode(socket: net.Socket): Promise<string | null> {
  const closed = new Promise<string | null>((resolve) => {
    let code: string | null = null;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on('close', () => {
      resolve(code);
    });
  });
  socket.resume();
  return within('a node:net socket to close', closed);
}

const FREE_PORTS = { low: 10_000, high: 32_767 } as const;

/**
 * A port that nobody has, on no address. Below those that the kernel gives out by itself, so that no other connection is
 * given it before the test uses it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FREE_PORTS.low + Math.floor(Math.random() * (FREE_PORTS.high - FREE_PORTS.low));
    const server = net.createServer();
    const outcome = once(server, 'listening').catch((error: unknown) => error as NodeJS.ErrnoException);
    server.listen(port, '0.0.0.0');
    const failure = await outcome;
    if (Array.isArray(failure)) {
      server.close();
      await once(server, 'close');
      return port;
    }
    if (failure.code !== 'EADDRINUSE') throw failure;
  }
}
