// A worker with a loop of its own: echoes on a port, and calls on the port it is told.
import { parentPort, workerData } from 'node:worker_threads';
import { Loop } from '@connscale/native';

const host = '127.0.0.1';
const loop = new Loop(workerData.options);
const listener = await loop.listen({ host, port: 0 }, { data: (id, bytes) => loop.write(id, bytes) });
parentPort.postMessage(listener.address.port);

parentPort.once('message', async ({ port, count }) => {
  let echoed = 0;
  await new Promise((resolve, reject) => {
    const handlers = {
      open: (id) => loop.write(id, 'over the fence'),
      data: (id, bytes) => {
        echoed += bytes.length;
        loop.destroy(id);
      },
      close: (_id, error) => {
        if (error !== undefined) reject(error);
        else if (--count === 0) resolve();
      },
    };
    for (let i = count; i > 0; i--) loop.connect({ host, port }, handlers);
  });
  parentPort.postMessage({ echoed, connected: loop.stats.connected });
  parentPort.once('message', async () => {
    await loop.close();
    parentPort.postMessage('closed');
    parentPort.close();
  });
});
