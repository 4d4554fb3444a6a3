// A run and nothing else: node connect-many.mjs <driver> <descriptors> <port>
import { Loop } from '@connscale/native';

const [driver, descriptors, port] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
const run = loop.connectMany(
  {
    destinations: { host: '127.0.0.1', port: Number(port) },
    count: 3,
    retry: { codes: ['ECONNREFUSED'], attempts: 3, delayMs: 50 },
  },
  { data: (_id, bytes) => console.log(`received ${bytes}`) },
);
run.done.then(({ opened, failed, retried }) => console.log(JSON.stringify({ opened, failed, retried })));
process.on('exit', () => console.log('exit'));
