// A run that descriptors do not suffice for, and one that they do: node run-few-descriptors.mjs <driver> <descriptors> <port>
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors, port] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors, maxConnections: 1000 });
keepPolling(loop);
const destinations = { host: '127.0.0.1', port: Number(port) };

async function run(options) {
  const ids = [];
  let closed;
  const allClosed = new Promise((resolve) => (closed = resolve));
  const handlers = {
    open: (id) => ids.push(id),
    close: (id) => {
      ids.splice(ids.indexOf(id), 1);
      if (ids.length === 0) closed();
    },
  };
  const { opened, failed, notTried, retried, codes } = await loop.connectMany({ destinations, ...options }, handlers).done;
  for (const id of ids) loop.reset(id);
  await allClosed;
  return { opened, failed, notTried, retried: retried > 0, codes };
}

const tooMany = await run({ count: 200 });
const few = await run({ count: 20 });
// Descriptors that become free are used by those that try again.
const patient = loop.connectMany(
  { destinations, count: 200, retry: { codes: ['EMFILE'], attempts: 60_000, delayMs: 1 } },
  { open: (id) => loop.reset(id) },
);
const { opened, failed, codes } = await patient.done;
await loop.close();
console.log(JSON.stringify({ tooMany, few, patient: { opened, failed, codes }, open: loop.stats.open }));
