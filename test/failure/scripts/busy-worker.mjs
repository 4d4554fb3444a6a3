// A worker in the middle of traffic, for its parent to end, or to end itself.
import { parentPort, workerData } from 'node:worker_threads';
import { startTraffic } from './traffic.mjs';

const ENOUGH = 200;
let heard = 0;
await startTraffic(workerData.options, (loop, id) => {
  void loop.localAddress(id);
  if (++heard !== ENOUGH) return;
  if (workerData.how === 'process.exit') process.exit(0);
  if (workerData.how === 'an exception') throw new Error('on purpose');
  parentPort.postMessage('busy');
});
