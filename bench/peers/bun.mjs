// Bun.listen as an echo server; runs under Bun.
import { serveHarness } from './control.mjs';

const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    data(socket, bytes) {
      socket.write(bytes);
    },
    error() {}, // as in net.mjs
  },
});

serveHarness({ port: server.port, collectGarbage: () => Bun.gc(true), close: () => server.stop(true) });
