// Holds more connections in this process than one descriptor table of it can: each loop has its own.
import { readFileSync } from 'node:fs';
import { LoopGroup } from '@connscale/native';

const host = '127.0.0.1';
const PER_LOOP = 100;
const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
const group = new LoopGroup({ loops: 3, descriptors: 'private' });
const serving = new LoopGroup({ loops: 6, descriptors: 'private' });

let accepted = 0;
const listeners = await Promise.all(
  serving.loops.map((loop) => loop.listen({ host, port: 0 }, { open: () => accepted++ })),
);
let held = 0;
const wanted = PER_LOOP * group.loops.length;
await new Promise((resolve, reject) => {
  const handlers = {
    open: () => {
      if (++held === wanted) resolve();
    },
    close: (_id, error) => reject(error),
  };
  for (let i = 0; i < wanted; i++) {
    group.connect({ host, port: listeners[i % listeners.length].address.port }, handlers);
  }
});
while (accepted < wanted) await new Promise((resolve) => setImmediate(resolve));
const report = { limit, loops: group.loops.length, held: group.loops.reduce((sum, loop) => sum + loop.stats.open, 0) };
await Promise.all([group.close(), serving.close()]);
console.log(JSON.stringify(report));
