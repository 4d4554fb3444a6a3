// What needs a descriptor when there is none: node no-descriptors.mjs <driver>
import { closeSync, openSync } from 'node:fs';
import net from 'node:net';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver] = process.argv.slice(2);
const host = '127.0.0.1';

function takeAll() {
  const taken = [];
  for (;;) {
    try {
      taken.push(openSync('/dev/null'));
    } catch (error) {
      if (error.code === 'EMFILE') return taken;
      throw error;
    }
  }
}

function thrownBy(body) {
  try {
    body();
    return null;
  } catch ({ name, code, syscall }) {
    return { name, code, syscall };
  }
}

const loop = new Loop({ driver });
keepPolling(loop);
const server = net.createServer((socket) => socket.end('hello'));
await new Promise((resolve) => server.listen(0, host, resolve));
const { port } = server.address();

function connect() {
  return new Promise((resolve) => {
    const seen = { opened: false, received: '' };
    loop.connect(
      { host, port },
      {
        open: () => (seen.opened = true),
        data: (_id, bytes) => (seen.received += bytes),
        close: (_id, error) => resolve({ ...seen, code: error?.code ?? null, syscall: error?.syscall ?? null }),
      },
    );
  });
}

function listen() {
  return loop.listen({ host, port: 0 }, {}).then(
    (listener) => listener.close(),
    ({ name, code, syscall }) => ({ name, code, syscall }),
  );
}

await connect(); // whatever Node opens on first use is open now
const taken = takeAll();
const without = { loop: thrownBy(() => new Loop({ driver })), listen: await listen(), connect: await connect() };
for (const descriptor of taken) closeSync(descriptor);
const afterwards = {
  loop: thrownBy(() => void new Loop({ driver }).close()),
  listen: (await listen()) ?? null,
  connect: await connect(),
};
await loop.close();
server.close();
console.log(JSON.stringify({ without, afterwards }));
