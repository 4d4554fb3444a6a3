// What two ways of closing leave behind: node time-waits.mjs <driver> <descriptors>
// In a namespace of its own: a machine that has as many TIME_WAITs as it may keeps no more.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { Loop } from '@connscale/native';
import { keepPolling } from '../../../failure/scripts/keep-polling.mjs';
import { inOwnNetwork } from './in-own-network.mjs';

const [driver, descriptors] = process.argv.slice(2);

function timeWaits() {
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => / 06 /.test(line)).length;
}

await inOwnNetwork(async () => {
  const loop = new Loop({ driver, descriptors });
  keepPolling(loop);
  const events = [];
  const waiting = [];
  const happened = (name) => (id) => {
    events.push({ name, id });
    for (const check of waiting) check();
  };
  const until = (name, count) =>
    new Promise((resolve) => {
      const check = () => {
        const found = events.filter((event) => event.name === name);
        if (found.length >= count) resolve(found[count - 1].id);
      };
      waiting.push(check);
      check();
    });
  const handlers = { open: happened('open'), close: happened('close'), end: (id) => loop.end(id) };
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, handlers);
  const report = {};
  for (const [i, ending] of ['reset', 'end'].entries()) {
    const peer = net.connect({ host: '127.0.0.1', port: listener.address.port, allowHalfOpen: true });
    await once(peer, 'connect');
    peer.on('error', () => undefined);
    loop[ending](await until('open', i + 1));
    // Two FINs that cross leave a TIME_WAIT on both sides.
    peer.resume();
    await new Promise((resolve) => peer.once(ending === 'end' ? 'end' : 'close', resolve));
    peer.end();
    await until('close', i + 1);
    report[ending] = timeWaits();
  }
  await loop.close();
  return report;
});
