// This package as a connecting client: connscale-connect.mjs --driver node|thread --plan <JSON>
import { parseArgs } from 'node:util';

import { Edges, count, serveConnects } from './connect-control.mjs';
import { importPackage } from './package.mjs';

const { values } = parseArgs({ options: { driver: { type: 'string' }, plan: { type: 'string' } } });
const plan = JSON.parse(values.plan);
const { Loop, LoopGroup } = await importPackage();
const loop =
  values.driver === 'node' ? new Loop({ driver: 'node' }) : new LoopGroup({ loops: plan.loops, descriptors: 'private' });

const edges = new Edges(plan);
const ids = new Float64Array(plan.count);
let opened = 0;
let toClose = 0;
let allClosed = () => {};

function close() {
  if (toClose > 0 && --toClose === 0) allClosed();
}

const handlers = {
  open(id) {
    ids[opened++] = id;
    edges.opened(opened);
  },
  close,
};

const request = (connections) => ({
  destinations: [{ host: '127.0.0.1', port: plan.port }],
  sources: plan.source,
  count: connections,
  ports: plan.strategy,
  ...(plan.strategy === 'explicit' && { portRange: plan.ports }),
  maxInFlight: plan.concurrency,
});

/** One after the other: each loop of a group its share. */
async function connectInTurn() {
  const summaries = [];
  const { loops } = loop;
  for (const one of loops) summaries.push(await one.connectMany(request(plan.count / loops.length), handlers).done);
  return summaries;
}

function report(summaries, edge) {
  const failures = {};
  for (const { codes } of summaries) {
    for (const [code, times] of Object.entries(codes)) count(failures, code, times);
  }
  const early = ids.subarray(0, opened).filter((id) => !loop.isOpen(id)).length;
  if (early > 0) count(failures, 'CLOSED_EARLY', early);
  const portsSkipped = summaries.reduce((sum, summary) => sum + summary.portsSkipped, 0);
  const slowestMicros = Math.max(...summaries.map(({ slowestMs }) => slowestMs ?? 0)) * 1e3;
  return { opened, portsSkipped, failures, edge, slowestMicros };
}

async function open() {
  opened = 0;
  edges.start();
  const summaries = plan.inTurn ? await connectInTurn() : [await loop.connectMany(request(plan.count), handlers).done];
  const edge = edges.end();
  return () => report(summaries, edge);
}

async function release() {
  const open = ids.subarray(0, opened).filter((id) => loop.isOpen(id));
  if (open.length === 0) return;
  const closed = new Promise((resolve) => (allClosed = resolve));
  toClose = open.length;
  for (const id of open) loop.reset(id);
  await closed;
}

serveConnects({ limitSeconds: plan.limitSeconds, open, release, close: () => loop.close() });
