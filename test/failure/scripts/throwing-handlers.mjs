// Handlers that throw: node throwing-handlers.mjs <driver> <descriptors> [scenario]
import { Loop } from '@connscale/native';

const [driver, descriptors, scenario = 'every kind'] = process.argv.slice(2);
const host = '127.0.0.1';
const CONNECTIONS = 10;
const KINDS = ['open', 'data', 'dataIn', 'drain', 'end', 'close'];

/** Polls a 'manual' loop until it is closed; what a handler throws comes out of poll. */
function keepPolling(loop, onThrow) {
  try {
    loop.poll(0);
  } catch (error) {
    if (error.code === 'ERR_CONNSCALE_LOOP_CLOSED') return;
    onThrow(error);
  }
  setImmediate(keepPolling, loop, onThrow);
}

function openLoop(onThrow) {
  const loop = new Loop({ driver, descriptors, highWaterMarkBytes: 0 });
  if (driver === 'manual') keepPolling(loop, onThrow);
  else process.on('uncaughtException', onThrow);
  return loop;
}

/** A server whose handlers do their work, are counted, and then throw if they are of this kind. */
function makeServer(loop, kind) {
  const calls = Object.fromEntries(KINDS.map((name) => [name, 0]));
  const did = (name) => {
    calls[name]++;
    if (name === kind) throw new Error(name);
  };
  const handlers = {
    open: () => did('open'),
    drain: () => did('drain'),
    end: (id) => {
      loop.end(id);
      did('end');
    },
    close: () => did('close'),
  };
  if (kind === 'dataIn') {
    handlers.dataIn = (id, slab, offset, length) => {
      loop.write(id, slab, offset, length);
      did('dataIn');
    };
  } else {
    handlers.data = (id, bytes) => {
      loop.write(id, bytes);
      did('data');
    };
  }
  return { calls, handlers };
}

/** Connects, has a byte echoed, ends and closes, many at once. */
function callOn(loop, port, count) {
  return new Promise((resolve) => {
    const handlers = {
      open: (id) => loop.write(id, 'x'),
      data: (id) => loop.end(id),
      close: () => {
        if (--count === 0) resolve();
      },
    };
    for (let i = count; i > 0; i--) loop.connect({ host, port }, handlers);
  });
}

async function everyKind() {
  const report = {};
  for (const kind of KINDS) {
    const thrown = [];
    const onThrow = (error) => thrown.push(error.message);
    const loop = openLoop(onThrow);
    const server = makeServer(loop, kind);
    const listener = await loop.listen({ host, port: 0 }, server.handlers);
    await callOn(loop, listener.address.port, CONNECTIONS);
    while (server.calls.close < CONNECTIONS) await new Promise((resolve) => setImmediate(resolve));
    // The loop lives: handlers that do not throw are served.
    const quiet = makeServer(loop, 'none');
    const again = await loop.listen({ host, port: 0 }, quiet.handlers);
    await callOn(loop, again.address.port, 1);
    await loop.close();
    process.off('uncaughtException', onThrow);
    report[kind] = { calls: server.calls, thrown, afterwards: quiet.calls.data };
  }
  console.log(JSON.stringify(report));
}

/** Nobody listens to uncaughtException: the process ends, as for any callback that throws. */
async function unhandled() {
  const loop = new Loop({ driver, descriptors });
  const listener = await loop.listen({ host, port: 0 }, makeServer(loop, 'open').handlers);
  loop.connect({ host, port: listener.address.port }, {});
  if (driver === 'manual') for (;;) loop.poll(10);
}

/** The handler of uncaughtException closes the loop. */
async function closing() {
  let closed;
  const onThrow = () => {
    closed ??= loop.close();
  };
  const loop = openLoop(onThrow);
  if (driver === 'manual') process.on('uncaughtException', onThrow); // while it closes the loop polls itself
  const server = makeServer(loop, 'data');
  const listener = await loop.listen({ host, port: 0 }, server.handlers);
  await callOn(loop, listener.address.port, CONNECTIONS);
  await closed;
  console.log(JSON.stringify({ open: loop.stats.open, closes: server.calls.close, opens: server.calls.open }));
}

/** Close handlers throw while the loop is being closed. */
async function throwingAtTheEnd() {
  const thrown = [];
  const onThrow = (error) => thrown.push(error.message);
  process.on('uncaughtException', onThrow);
  const loop = new Loop({ driver, descriptors });
  const handlers = makeServer(loop, 'close');
  const listener = await loop.listen({ host, port: 0 }, handlers.handlers);
  for (let i = 0; i < CONNECTIONS; i++) loop.connect({ host, port: listener.address.port }, {});
  while (handlers.calls.open < CONNECTIONS) {
    if (driver === 'manual') loop.poll(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await loop.close();
  console.log(JSON.stringify({ thrown: thrown.length, closes: handlers.calls.close, open: loop.stats.open }));
}

await { 'every kind': everyKind, unhandled, closing, 'throwing at the end': throwingAtTheEnd }[scenario]();
