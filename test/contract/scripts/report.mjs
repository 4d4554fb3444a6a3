// Prints what a loop of each kind turned out to be, and what came back through it.
import { Loop, capabilities } from '@connscale/native';

const kinds = [{ driver: 'node' }, { driver: 'thread' }, { driver: 'thread', descriptors: 'private' }];

async function echo(loop) {
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, { data: (id, bytes) => loop.write(id, bytes) });
  const text = await new Promise((resolve, reject) => {
    const id = loop.connect(
      { host: '127.0.0.1', port: listener.address.port },
      { data: (_id, bytes) => resolve(String(bytes)), close: (_id, error) => reject(error ?? new Error('closed')) },
    );
    loop.write(id, 'there and back');
  });
  await loop.close();
  return text;
}

const loops = [];
for (const kind of kinds) {
  const loop = new Loop(kind);
  loops.push({ driver: loop.driver, descriptors: loop.descriptors, echoed: await echo(loop) });
}
console.log(JSON.stringify({ loops, nodeDriver: capabilities().nodeDriver }));
