// A run whose handlers throw: node run-throwing-handlers.mjs <driver> <descriptors> <port>
import { Loop } from '@connscale/native';

const [driver, descriptors, port] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
const thrown = [];

function keepPolling() {
  try {
    loop.poll(0);
  } catch (error) {
    if (error.code === 'ERR_CONNSCALE_LOOP_CLOSED') return;
    thrown.push(error.message);
  }
  setImmediate(keepPolling);
}
if (driver === 'manual') keepPolling();
else process.on('uncaughtException', (error) => thrown.push(error.message));

const run = loop.connectMany(
  { destinations: { host: '127.0.0.1', port: Number(port) }, count: 20, maxInFlight: 4 },
  {
    open: () => {
      throw new Error('open');
    },
  },
);
const { opened, failed } = await run.done;
await new Promise((resolve) => setImmediate(resolve)); // the last throw is on its way
console.log(JSON.stringify({ opened, failed, thrown }));
await loop.close();
