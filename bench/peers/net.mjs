// node:net as an echo server.
import net from 'node:net';

import { serveHarness } from './control.mjs';

const server = net.createServer((socket) => {
  socket.on('data', (bytes) => socket.write(bytes));
  socket.on('error', () => {}); // the clients reset their connections: an error here, the end of the case there
});

server.listen({ host: '127.0.0.1', port: 0, backlog: 65_535 }, () => {
  serveHarness({ port: server.address().port, collectGarbage: globalThis.gc, close: () => server.close() });
});
