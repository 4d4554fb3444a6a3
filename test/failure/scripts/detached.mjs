// Takes a loop's memory away from under it: node detached.mjs <driver> <descriptors>
import net from 'node:net';
import { Loop } from '@connscale/native';

const [driver, descriptors] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, {
  dataIn(_id, slab) {
    structuredClone(slab.buffer, { transfer: [slab.buffer] });
  },
});

process.once('uncaughtException', (error) => {
  console.log(error.code);
  void loop.close().then(() => {
    console.log('closed');
    void loop.listen({ port: 0 }, {}).catch((refused) => {
      console.log(refused.code);
      process.exit(0);
    });
  });
});

net.connect(listener.address.port, '127.0.0.1').on('error', () => undefined).write('hello');
function poll() {
  loop.poll(0);
  setImmediate(poll);
}
if (driver === 'manual') poll();
