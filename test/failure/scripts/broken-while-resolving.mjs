// A loop breaks while names are being resolved: node broken-while-resolving.mjs <driver> <descriptors>
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { Loop } from '@connscale/native';
import { keepPolling } from './keep-polling.mjs';

const [driver, descriptors] = process.argv.slice(2);
const host = '127.0.0.1';
const loop = new Loop({ driver, descriptors });
const uncaught = [];
let broken;
const breaking = new Promise((resolve) => (broken = resolve));
process.on('uncaughtException', ({ code }) => {
  uncaught.push(code);
  broken();
});

/** By name: what ends its look-up. */
const lookups = {};
dns.lookup = (name) => new Promise((resolve, reject) => (lookups[name] = { resolve, reject }));
syncBuiltinESMExports();

const closes = [];
const connect = (name) =>
  loop.connect(
    { host: name, port: 1 },
    {
      open: () => closes.push([name, 'open']),
      close: (id, error) => closes.push([name, error?.code ?? null, loop.isOpen(id)]),
    },
  );
const listener = await loop.listen(
  { host, port: 0 },
  {
    dataIn: (id, slab) => {
      const ids = ['found', 'missing', 'given-up'].map(connect);
      loop.destroy(ids[2]);
      loop.write(ids[0], 'never sent');
      structuredClone(slab.buffer, { transfer: [slab.buffer] });
    },
  },
);
keepPolling(loop);
net.connect(listener.address.port, host).on('error', () => undefined).write('hello');
await breaking;
lookups.found.resolve({ address: host, family: 4 });
lookups.missing.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
await new Promise((resolve) => setImmediate(resolve));
await loop.close();
console.log(JSON.stringify({ uncaught, closes: closes.sort() }));
