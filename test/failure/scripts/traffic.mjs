// A loop that talks to itself without end.
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const CONNECTIONS = 50;

/** Starts it; `heard(loop, id)` is called for each message that the server hears. */
export async function startTraffic(options, heard) {
  const loop = new Loop(options);
  keepPolling(loop);
  const echo = { data: (id, bytes) => loop.write(id, bytes) };
  const server = {
    data: (id, bytes) => {
      loop.write(id, bytes);
      heard(loop, id);
    },
  };
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server);
  for (let i = 0; i < CONNECTIONS; i++) {
    loop.write(loop.connect({ host: '127.0.0.1', port: listener.address.port }, echo), 'round and round');
  }
  return loop;
}
