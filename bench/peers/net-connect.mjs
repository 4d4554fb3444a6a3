// node:net as a connecting client: net.connect with the source address and an explicit port, a bound in flight.
import net from 'node:net';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

import { Edges, count, serveConnects } from './connect-control.mjs';

const { values } = parseArgs({ options: { plan: { type: 'string' } } });
const plan = JSON.parse(values.plan);
const edges = new Edges(plan);
const TAKEN = ['EADDRINUSE', 'EADDRNOTAVAIL']; // a port that somebody else uses is skipped

class Opening {
  sockets = [];
  failures = {};
  portsSkipped = 0;
  slowestMs = 0;
  #begun = 0;
  #inFlight = 0;
  #nextPort = plan.ports[0];
  #done = () => {};

  async run() {
    edges.start();
    await new Promise((resolve) => {
      this.#done = resolve;
      this.#beginMore();
    });
    const edge = edges.end();
    return () => this.#result(edge);
  }

  #result(edge) {
    const early = this.sockets.filter(({ destroyed }) => destroyed).length;
    if (early > 0) count(this.failures, 'CLOSED_EARLY', early);
    return {
      opened: this.sockets.length,
      portsSkipped: this.portsSkipped,
      failures: this.failures,
      edge,
      slowestMicros: plan.timed ? this.slowestMs * 1e3 : null,
    };
  }

  #beginMore() {
    while (this.#inFlight < plan.concurrency && this.#begun < plan.count) {
      this.#begun++;
      this.#inFlight++;
      this.#begin();
    }
    if (this.#inFlight === 0) this.#done();
  }

  #begin() {
    if (this.#nextPort > plan.ports[1]) {
      process.nextTick(() => this.#failed('EADDRNOTAVAIL'));
      return;
    }
    const startedAt = plan.timed ? performance.now() : 0;
    const { port, source: localAddress } = plan;
    const socket = net.connect({ host: '127.0.0.1', port, localAddress, localPort: this.#nextPort++ });
    socket.on('connect', () => this.#opened(socket, startedAt));
    socket.on('error', ({ code }) => {
      if (!TAKEN.includes(code)) return this.#failed(code);
      this.portsSkipped++;
      return this.#begin();
    });
  }

  #opened(socket, startedAt) {
    this.#inFlight--;
    edges.opened(this.sockets.push(socket));
    if (plan.timed) this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
    this.#beginMore();
  }

  #failed(code) {
    this.#inFlight--;
    count(this.failures, code);
    this.#beginMore();
  }
}

let opening = null;

async function release() {
  const open = opening.sockets.filter(({ destroyed }) => !destroyed);
  opening = null;
  const closed = open.map((socket) => once(socket, 'close'));
  for (const socket of open) socket.resetAndDestroy();
  await Promise.all(closed);
}

serveConnects({
  limitSeconds: plan.limitSeconds,
  open: () => (opening = new Opening()).run(),
  release,
  close: () => process.exit(),
});
