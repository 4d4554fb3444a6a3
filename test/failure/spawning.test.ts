// Child processes that are started while connections come and go: they inherit nothing, and disturb nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { within } from '../helpers/deadline.js';
import { openLoop, withAllDrivers } from '../helpers/drivers.js';
import { connectNet, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, onTestFinished, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

async function spawnOne(): Promise<void> {
  const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
  const [code] = (await within('a child to end', once(child, 'exit'))) as [number | null];
  expect(code).toBe(0);
}

withAllDrivers('connections churn while processes are started', async (driver) => {
  const loop = openLoop(driver);
  let spawning = true;
  const server = new Recording({
    data: (id, bytes) => {
      loop.write(id, bytes);
      loop.end(id);
    },
  });
  const client = new Recording({
    open: (id) => loop.write(id, 'x'),
    close: () => {
      if (spawning) loop.connect(peer, client.handlers);
    },
  });
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = { host: HOST, port: listener.address.port };
  for (let i = 0; i < 10; i++) loop.connect(peer, client.handlers);
  await Promise.all([spawnOne(), spawnOne()]);
  spawning = false;
  await client.when('every connection to close', () => client.count('close') === client.count('open'));
  expect(client.receivedBytes).toBe(client.count('open'));
  expect(client.happenings.filter((one) => one.error !== undefined)).toEqual([]);
});

test('a process that outlives a connection does not keep it open, nor a port taken', async () => {
  for (const driver of ['node', 'thread', 'manual'] as const) {
    const loop = openLoop({ name: driver, options: { driver } });
    const server = new Recording();
    const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
    const peer = await connectNet(listener.address.port);
    const id = await server.until('open');
    // It lives until its standard input ends.
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume(); console.log("here")'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    onTestFinished(() => void child.kill());
    await within('the child to be there', once(child.stdout, 'data'));
    loop.destroy(id);
    expect(await readToEnd(peer)).toHaveLength(0);
    peer.destroy();
    await listener.close();
    await loop.listen({ host: HOST, port: listener.address.port }, {});
    expect(child.exitCode).toBeNull();
    child.stdin.end();
    await within('the child to end', once(child, 'exit'));
  }
});
