// Writes garbage over the whole memory of a loop while it serves: node garbage.mjs <driver> <descriptors> <seed>
import net from 'node:net';
import { Loop } from '@connscale/native';

const CLIENTS = 200;
const CONCURRENCY = 10;
const [driver, descriptors, seed] = process.argv.slice(2);
const errors = {};
const count = (error) => {
  const name = error.code ?? error.message;
  errors[name] = (errors[name] ?? 0) + 1;
};
process.on('uncaughtException', count);

// A linear congruential generator: a seed repeats its run.
let state = Number(seed);
const random = (below) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % below;
};

/** Everything before the slots' queue lengths: counters, completions, submissions, slab, and how much was submitted. */
function scribble(memory) {
  const bytes = new Uint8Array(memory);
  const submitted = new Uint32Array(memory, 0, 1);
  const kinds = [
    () => { for (let i = 0; i < 2000; i++) bytes[random(bytes.length)] = random(256); },
    () => { submitted[0] = random(300_000); },
    () => { submitted[0] = 0xffff_fff8; },
    () => { submitted[0] = 8 * (1 + random(500)); bytes.fill(random(9), 200, 40_000); },
  ];
  kinds[random(kinds.length)]();
}

const loop = new Loop({ driver, descriptors, maxConnections: 1000 });
const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, {
  dataIn(id, slab, offset, length) {
    scribble(slab.buffer);
    try {
      loop.write(id, slab, offset, length);
    } catch (error) {
      count(error);
    }
  },
});

function poll() {
  try {
    loop.poll(0);
  } catch (error) {
    count(error);
  }
  setImmediate(poll);
}
if (driver === 'manual') poll();

let started = 0;
let closed = 0;
function client() {
  if (started++ === CLIENTS) return;
  const socket = net.connect(listener.address.port, '127.0.0.1', () => socket.write('x'.repeat(1 + random(3000))));
  // What the garbage swallowed is not answered; the client leaves then.
  socket.setTimeout(50, () => socket.destroy());
  socket.on('data', () => socket.destroy());
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed++;
    if (closed < CLIENTS) client();
    else report();
  });
}
function report() {
  console.log(JSON.stringify({ closed, errors, driver: loop.driver }));
  process.exit(0); // with a loop that nobody can trust any more
}
for (let i = 0; i < CONCURRENCY; i++) client();
