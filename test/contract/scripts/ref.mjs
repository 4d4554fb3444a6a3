// Ends by itself, or not: node ref.mjs <driver> <descriptors> <scenario> [port]
import { Loop } from '@connscale/native';

const [driver, descriptors, scenario, port] = process.argv.slice(2);
const loop = new Loop({ driver, descriptors });
const host = '127.0.0.1';

const scenarios = {
  'a loop with nothing to do': () => undefined,
  'a loop that is closed': () => loop.close(),
  'a closed listener': async () => (await loop.listen({ host, port: 0 }, {})).close(),
  'an unreferenced listener': async () => {
    await loop.listen({ host, port: 0 }, {});
    loop.unref();
  },
  'an unreferenced loop with a question under way': async () => {
    loop.unref();
    const id = loop.connect({ host, port: Number(port) }, {});
    loop.localAddress(id).catch(() => undefined);
  },
  'an unreferenced connection': () => {
    loop.connect({ host, port: Number(port) }, { open: () => loop.unref() });
  },
  'a listener': listenOnce,
  'a listener, unreferenced and referenced again': async () => {
    await listenOnce();
    loop.unref();
    loop.ref();
  },
  'a connection': () => {
    loop.connect({ host, port: Number(port) }, { data: (_id, bytes) => console.log(`received ${bytes}`) });
  },
};

async function listenOnce() {
  const listener = await loop.listen(
    { host, port: 0 },
    {
      data: (id, bytes) => {
        console.log(`received ${bytes}`);
        loop.destroy(id);
        void listener.close();
      },
    },
  );
  console.log(`port ${listener.address.port}`);
}

process.on('exit', () => console.log('exit'));
await scenarios[scenario]();
