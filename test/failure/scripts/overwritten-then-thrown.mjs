// A handler of a 'manual' loop writes over the loop's memory and throws: node overwritten-then-thrown.mjs
import net from 'node:net';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const host = '127.0.0.1';
const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(error.code ?? error.message));

const loop = new Loop({ driver: 'manual', closeTimeoutMs: 100 });
const listener = await loop.listen(
  { host, port: 0 },
  {
    dataIn: (_id, slab) => {
      new Uint32Array(slab.buffer, 0, 1)[0] = 2 ** 32 - 1;
      throw new Error("the handler's own");
    },
  },
);
const peer = net.connect(listener.address.port, host);
peer.write('hello');
let thrown = null;
while (thrown === null && uncaught.length === 0) {
  try {
    loop.poll(0);
  } catch (error) {
    thrown = error.message;
  }
  await new Promise((resolve) => setImmediate(resolve));
}
peer.destroy();
keepPolling(loop);
await loop.close();
console.log(JSON.stringify({ thrown, uncaught }));
