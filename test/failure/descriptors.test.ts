// Descriptors run out under load. The server is a process with few of them; its peers are here.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ListenerStats } from '../../lib/index.js';
import { type RunningScript, jsonOf, runScriptForJson, startScript } from '../helpers/child.js';
import { DRIVERS, type DriverCase } from '../helpers/drivers.js';
import { connectNet, readExactly, startNet } from '../helpers/peers.js';
import { expect, test } from '../helpers/runner.js';

const isLinux = process.platform === 'linux'; // where a process can be given few descriptors
const FEW = 64;
const PEERS = 100;

function startServer(options: DriverCase['options'], overload: string): RunningScript {
  const args = [options.driver ?? '', options.descriptors ?? 'shared', overload];
  return startScript('failure/scripts/few-descriptors.mjs', { args, descriptors: FEW });
}

/** Whether the server greeted the peer, or reset it. */
async function fateOf(peer: Socket): Promise<'greeted' | 'reset'> {
  const reset = new Promise<'reset'>((resolve) => peer.once('close', () => resolve('reset')));
  return Promise.race([readExactly(peer, 1).then(() => 'greeted' as const), reset]);
}

for (const { name, options } of DRIVERS) {
  test.skipIf(!isLinux)(
    `EMFILE with overload pause: accepting resumes when peers go, and nobody is lost [${name}]`,
    async () => {
      const server = startServer(options, 'pause');
      const port = Number(await server.line('port'));
      const waiting = await Promise.all(Array.from({ length: PEERS }, () => connectNet(port)));
      const greeted = waiting.map(async (peer) => {
        await readExactly(peer, 1);
        return peer;
      });
      expect(await server.line('exhausted')).toBe('EMFILE');
      // Whoever was served makes room for the next.
      for (const each of greeted.slice(0, -1)) (await each).destroy();
      (await greeted.at(-1))?.end('end');
      const stats = jsonOf<ListenerStats>(await server.outcome);
      expect(stats).toMatchObject({ accepted: PEERS, rejected: 0, lastFailure: 'EMFILE' });
      expect(stats.pauses).toBeGreaterThan(0);
    },
  );

  test.skipIf(!isLinux)(
    `EMFILE with overload reset: who cannot be served learns it at once, later ones are [${name}]`,
    async () => {
      const server = startServer(options, 'reset');
      const port = Number(await server.line('port'));
      const peers = Array.from({ length: PEERS }, () => startNet(port));
      const fates = await Promise.all(peers.map(fateOf));
      expect(await server.line('exhausted')).toBe('EMFILE');
      const greeted = peers.filter((_, i) => fates[i] === 'greeted');
      expect(greeted.length).toBeGreaterThan(0);
      expect(greeted.length).toBeLessThan(FEW);
      for (const peer of greeted.splice(0, 5)) {
        const closed = once(peer, 'close');
        peer.end();
        await closed;
      }
      let late = startNet(port);
      let tries = 1;
      for (; (await fateOf(late)) === 'reset'; tries++) late = startNet(port); // the server may not have seen the ends yet
      late.end('end');
      const stats = jsonOf<ListenerStats>(await server.outcome);
      const rejected = PEERS - fates.filter((fate) => fate === 'greeted').length + (tries - 1);
      expect(stats).toMatchObject({ rejected, accepted: PEERS + tries - rejected });
    },
  );
}

for (const driver of ['node', 'thread', 'manual']) {
  test.skipIf(!isLinux)(
    `descriptors that are freed by others are noticed, with no connection closing [${driver}]`,
    async () => {
      const server = startScript('failure/scripts/freed-elsewhere.mjs', { args: [driver], descriptors: FEW });
      await connectNet(Number(await server.line('port')));
      const report = jsonOf<ListenerStats & { before: number; turns: number }>(await server.outcome);
      expect(report).toMatchObject({ before: 0, accepted: 1, lastFailure: 'EMFILE', rejected: 0 });
      if (driver !== 'manual') expect(report.turns).toBeLessThan(50);
    },
  );

  test.skipIf(!isLinux)(
    `without descriptors a loop, a listener and a connect each say EMFILE, and work when there are some [${driver}]`,
    async () => {
      const report = await runScriptForJson('failure/scripts/no-descriptors.mjs', { args: [driver], descriptors: FEW });
      expect(report).toEqual({
        without: {
          loop: { name: 'SystemError', code: 'EMFILE', syscall: expect.stringMatching(/^(epoll_create1|eventfd)$/) },
          listen: { name: 'SystemError', code: 'EMFILE', syscall: 'socket' },
          connect: { opened: false, received: '', code: 'EMFILE', syscall: 'socket' },
        },
        afterwards: {
          loop: null,
          listen: null,
          connect: { opened: true, received: 'hello', code: null, syscall: null },
        },
      });
    },
  );
}
