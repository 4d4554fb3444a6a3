// A loop that breaks in the middle of a run: node run-broken-loop.mjs <driver> <descriptors> <port>
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors, port] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
const uncaught = [];
process.on('uncaughtException', ({ code }) => uncaught.push(code));
const abort = new AbortController();
const options = { destinations: { host: '127.0.0.1', port: Number(port) }, count: 1000, maxInFlight: 4, signal: abort.signal };
let detached = false;
const run = loop.connectMany(options, {
  open: (id) => loop.write(id, 'hello'),
  dataIn: (_id, slab) => {
    if (!detached) structuredClone(slab.buffer, { transfer: [slab.buffer] });
    detached = true;
  },
});
keepPolling(loop);
const rejected = await run.done.then(
  () => null,
  ({ code }) => code,
);
run.stop();
abort.abort();
let refused = null;
try {
  loop.connectMany(options, {});
} catch ({ code }) {
  refused = code;
}
console.log(JSON.stringify({ uncaught, rejected, refused }));
