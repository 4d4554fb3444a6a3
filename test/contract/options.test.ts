import { capabilities, type SocketOptions } from '../../lib/index.js';
import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect, test } from '../helpers/runner.js';

const HOST = '127.0.0.1';

/** Each option, a value that is not the default, and the value in force afterwards. */
const ROWS: readonly (readonly [name: keyof SocketOptions, value: number | boolean, inForce: number | boolean])[] = [
  ['noDelay', true, true],
  ['keepAlive', true, true],
  ['keepAliveIdleMs', 30_500, 31_000], // the kernel counts seconds
  ['keepAliveIntervalMs', 12_000, 12_000],
  ['keepAliveCount', 3, 3],
  ['userTimeoutMs', 4321, 4321],
  ['lingerMs', 1500, 2000],
  ['notSentLowWaterBytes', 12_345, 12_345],
  ['receiveBufferBytes', 20_000, 40_000], // the kernel doubles it
  ['sendBufferBytes', 20_000, 40_000],
];

forEachDriver('setOption answers with the value in force, and getOption agrees', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  await connectNet(listener.address.port);
  const id = await server.until('open');
  for (const [name, value, inForce] of ROWS) {
    expect({ name, value: await loop.getOption(id, name) }).not.toEqual({ name, value: inForce });
    expect({ name, value: await loop.setOption(id, name, value) }).toEqual({ name, value: inForce });
    expect({ name, value: await loop.getOption(id, name) }).toEqual({ name, value: inForce });
  }
});

forEachDriver('options of a listener are inherited by what it accepts', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const options = Object.fromEntries(ROWS.map(([name, value]) => [name, value]));
  const listener = await loop.listen({ host: HOST, port: 0, options }, server.handlers);
  await connectNet(listener.address.port);
  const id = await server.until('open');
  for (const [name, , inForce] of ROWS) {
    expect({ name, value: await loop.getOption(id, name) }).toEqual({ name, value: inForce });
  }
});

forEachDriver('options of a connect are set before it connects', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const options = Object.fromEntries(ROWS.map(([name, value]) => [name, value]));
  const id = loop.connect({ host: HOST, port: peer.port, options }, client.handlers);
  for (const [name, , inForce] of ROWS) {
    expect({ name, value: await loop.getOption(id, name) }).toEqual({ name, value: inForce });
  }
  await client.until('open');
});

forEachDriver('an option given as undefined is left alone', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const options = { noDelay: undefined } as unknown as SocketOptions;
  const id = loop.connect({ host: HOST, port: peer.port, options }, client.handlers);
  expect(await loop.getOption(id, 'noDelay')).toBe(false);
});

forEachDriver('linger is off at -1, and a reset at 0', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: listener.address.port, options: { lingerMs: 0 } }, client.handlers);
  await Promise.all([client.until('open'), server.until('open')]);
  expect(await loop.getOption(id, 'lingerMs')).toBe(0);
  expect(await loop.setOption(id, 'lingerMs', -1)).toBe(-1);
  expect(await loop.setOption(id, 'lingerMs', 0)).toBe(0);
  loop.destroy(id);
  await server.until('close');
  expect(server.closeError()).toMatchObject({ code: 'ECONNRESET' });
});

test('capabilities tell of every socket option and of both drivers', () => {
  const found = capabilities();
  expect(Object.keys(found.socketOptions).sort()).toEqual([...ROWS.map(([name]) => name), 'incomingCpu'].sort());
  const { socketOptions, ...others } = found;
  for (const [name, capability] of Object.entries({ ...others, ...socketOptions })) {
    expect({ name, ...capability }).toEqual(
      capability.supported ? { name, supported: true } : { name, supported: false, reason: expect.any(String) },
    );
  }
  expect(found.nodeDriver).toEqual({ supported: true });
});
