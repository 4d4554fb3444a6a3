// Runs in the middle of something, for a parent to end: see run-ended-workers.mjs
import { parentPort, workerData } from 'node:worker_threads';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const { options, port, stalled } = workerData;
const loop = new Loop(options);
keepPolling(loop);
let opened = 0;
const onOpen = () => {
  if (++opened === 100) parentPort.postMessage('busy');
};
loop.connectMany({ destinations: { host: '127.0.0.1', port }, count: 5_000, maxInFlight: 8 }, { open: onOpen });
loop.connectMany({ destinations: { host: '127.0.0.1', port: stalled }, count: 100, ports: 'explicit' }, {});
loop.connectMany(
  {
    destinations: { host: '127.0.0.1', port: 1 },
    count: 10,
    retry: { codes: ['ECONNREFUSED'], attempts: 60_000, delayMs: 1 },
  },
  {},
);
