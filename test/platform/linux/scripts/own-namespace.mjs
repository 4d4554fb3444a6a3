// Ports in a network namespace that nobody else is in: every figure is known beforehand.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { ports } from '@connscale/native/system';
import { inOwnNetwork, isInside } from './in-own-network.mjs';

async function connect(options) {
  const socket = net.connect({ host: '127.0.0.1', ...options });
  await once(socket, 'connect');
  return socket;
}

async function listen(host, port) {
  const server = net.createServer().listen({ host, port });
  await once(server, 'listening');
  return server;
}

/** A connection from `source` that the client has ended first: its TIME_WAIT is the client's. */
async function leaveTimeWait(server, source) {
  const accepted = once(server, 'connection');
  const client = await connect({ port: server.address().port, localAddress: source });
  const { localPort } = client;
  const [peer] = await accepted;
  client.end();
  client.resume();
  peer.resume();
  await once(client, 'close');
  return localPort;
}

/** What is told of a TIME_WAIT. A machine that has as many as it may keeps no more; here there are no others. */
async function inspectTimeWait(server) {
  const source = '127.0.0.3';
  const port = await leaveTimeWait(server, source);
  const rows = [];
  for await (const row of ports.inUse({ source, states: ['TIME_WAIT'] })) rows.push(row);
  const destination = { address: '127.0.0.1', port: server.address().port };
  return { port, rows, usage: await ports.usage({ source, destination }) };
}

async function inspect() {
  const sysctl = (name, value) => writeFileSync(`/proc/sys/net/ipv4/${name}`, value);
  sysctl('ip_local_port_range', '40000 50000');
  sysctl('ip_local_reserved_ports', '50000,40000-40009');
  const servers = [await listen('127.0.0.1', 45_000), await listen('127.0.0.1', 20_000)];
  const clients = [];
  for (const port of [45_000, 45_000, 20_000]) clients.push(await connect({ port, localAddress: '127.0.0.2' }));
  const report = {
    range: ports.dynamicRange(),
    reserved: ports.reserved(),
    usage: await ports.usage({ source: '127.0.0.2', destination: { address: '127.0.0.1', port: 45_000 } }),
    listening: await ports.usage({ source: '127.0.0.1' }),
    census: await ports.census(),
    bounded: await ports.census({ addressesMax: 1 }),
    timeWait: await inspectTimeWait(servers[1]),
    sameNamespace: !isInside(),
  };
  for (const each of clients) each.destroy();
  for (const each of servers) each.close();
  return report;
}

await inOwnNetwork(inspect);
