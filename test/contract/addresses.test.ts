import { forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';

forEachDriver('the addresses of an accepted connection are those that the peer has, crosswise', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port, { host: '127.0.0.1', localAddress: '127.3.2.1' });
  const id = await server.until('open');
  expect(await loop.localAddress(id)).toEqual({ ...listener.address });
  expect(await loop.remoteAddress(id)).toEqual({ address: '127.3.2.1', port: peer.localPort, family: 'IPv4' });
});

forEachDriver('a listener on a wildcard tells which address the peer chose', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: '0.0.0.0', port: 0 }, server.handlers);
  await connectNet(listener.address.port, { host: '127.0.0.9' });
  const id = await server.until('open');
  expect((await loop.localAddress(id)).address).toBe('127.0.0.9');
});

forEachDriver('IPv4 on a listener of both families is written as IPv6 maps it', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: '::', port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port, { host: '127.0.0.1' });
  const id = await server.until('open');
  expect(await loop.remoteAddress(id)).toEqual({ address: '::ffff:127.0.0.1', port: peer.localPort, family: 'IPv6' });
});

forEachDriver('the addresses of an outbound connection are those that the peer has, crosswise', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: '127.0.0.1', port: peer.port }, client.handlers);
  await client.until('open');
  const socket = await peer.accept();
  expect(await loop.remoteAddress(id)).toEqual({ address: '127.0.0.1', port: peer.port, family: 'IPv4' });
  expect(await loop.localAddress(id)).toEqual({
    address: socket.remoteAddress,
    port: socket.remotePort,
    family: socket.remoteFamily,
  });
});
