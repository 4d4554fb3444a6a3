// Ends in the middle of traffic with code 7: node exit.mjs <driver> <descriptors> <how>
import { startTraffic } from './traffic.mjs';

const [driver, descriptors, how] = process.argv.slice(2);
const ENOUGH = 500;
let heard = 0;

const endings = {
  'in a handler': () => process.exit(7),
  'between events': () => setImmediate(() => process.exit(7)),
  'with questions under way': (loop, id) => {
    for (let i = 0; i < 100; i++) void loop.localAddress(id);
    process.exit(7);
  },
  'with names being resolved': (loop) => {
    for (let i = 0; i < 10; i++) loop.connect({ host: 'localhost', port: 1 }, {});
    process.exit(7);
  },
  'while closing': (loop, id) => {
    loop.write(id, Buffer.alloc(10_000_000));
    void loop.close();
    setImmediate(() => process.exit(7));
  },
  'without references': (loop) => {
    loop.unref();
    process.exitCode = 7;
  },
};

await startTraffic({ driver, descriptors }, (loop, id) => {
  if (++heard === ENOUGH) endings[how](loop, id);
});
