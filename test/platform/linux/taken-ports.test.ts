// What a port allocator is told before it starts: every socket that stands in its way, as bytes.
import { once } from 'node:events';
import net from 'node:net';
import { ADDRESS_BYTES, decodeAddress, encodeAddress, ROW_BYTES, setPort } from '../../../lib/system/socket-record.js';
import { stateName } from '../../../lib/system/socket-states.js';
import { takenPorts, type TakenPorts } from '../../../lib/system/taken-ports.js';
import { within } from '../../helpers/deadline.js';
import { connectNet, openNetServer } from '../../helpers/peers.js';
import { expect, onTestFinished, test } from '../../helpers/runner.js';

let used = 0;

function ownAddress(): string {
  return `127.${100 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}.${1 + used++}`;
}

/** A range as bytes; the port is of a destination. */
function range(first: string, last = first, port = 0): Uint8Array {
  const records = [first, last].map((address) => encodeAddress(address) ?? expect.fail(`no address: ${address}`));
  const bytes = new Uint8Array(2 * ADDRESS_BYTES);
  records.forEach((record, i) => bytes.set(record, i * ADDRESS_BYTES));
  setPort(bytes, port);
  return bytes;
}

/** `STATE local:port remote:port`, as they came. */
function texts({ rows }: TakenPorts): string[] {
  const view = new DataView(rows);
  const found = [];
  for (let at = 0; at < rows.byteLength; at += ROW_BYTES) {
    const [local, remote] = [decodeAddress(view, at), decodeAddress(view, at + ADDRESS_BYTES)];
    const peer = remote === null ? '' : ` ${remote.address}:${remote.port}`;
    found.push(`${stateName(view.getUint8(at + 1))} ${local?.address ?? ''}:${local?.port ?? 0}${peer}`);
  }
  return found;
}

async function listen(host: string): Promise<number> {
  const server = net.createServer().listen({ host, port: 0 });
  onTestFinished(() => void server.close());
  await within('a server to listen', once(server, 'listening'));
  return (server.address() as net.AddressInfo).port;
}

test('has listeners at the sources and at every address, then connections, with their states', async () => {
  const [first, second, third] = [ownAddress(), ownAddress(), ownAddress()];
  const server = await openNetServer();
  const clients: net.Socket[] = [];
  for (const localAddress of [first, second, third]) clients.push(await connectNet(server.port, { localAddress }));
  const [own, dual] = [await listen(second), await listen('::')];
  const taken = await takenPorts({ family: 4, sources: range(first, second) });
  const found = texts(taken);
  expect(taken).toMatchObject({ truncated: false, boundListed: true, interrupted: false });
  expect(found).toContain(`LISTEN ${second}:${own}`);
  expect(found).toContain(`LISTEN :::${dual}`);
  expect(found.filter((text) => text.startsWith('ESTABLISHED')).sort()).toEqual(
    [0, 1].map((i) => `ESTABLISHED ${[first, second][i] ?? ''}:${clients[i]?.localPort ?? 0} 127.0.0.1:${server.port}`),
  );
  const lastHolder = found.findLastIndex((text) => /^(LISTEN|BOUND)/.test(text));
  expect(found.findIndex((text) => !/^(LISTEN|BOUND)/.test(text))).toBeGreaterThan(lastHolder);
});

test('destinations leave out other connections, and no listener', async () => {
  const source = ownAddress();
  const [server, other] = [await openNetServer(), await openNetServer()];
  await connectNet(server.port, { localAddress: source });
  await connectNet(other.port, { localAddress: source });
  const own = await listen(source);
  const destinations = range('127.0.0.1', '127.0.0.1', server.port);
  const found = texts(await takenPorts({ family: 4, sources: range(source), destinations }));
  expect(found).toContain(`LISTEN ${source}:${own}`);
  expect(found.filter((text) => text.includes(`${source}:`) && !text.startsWith('LISTEN'))).toEqual([
    expect.stringMatching(new RegExp(`^ESTABLISHED .* 127\\.0\\.0\\.1:${server.port}$`)),
  ]);
});

test('no more rows than asked for, and says that they are cut short', async () => {
  const source = ownAddress();
  const server = await openNetServer();
  for (let i = 0; i < 5; i++) await connectNet(server.port, { localAddress: source });
  const all = await takenPorts({ family: 4, sources: range(source) });
  const count = all.rows.byteLength / ROW_BYTES;
  expect(count).toBeGreaterThanOrEqual(5);
  const cut = await takenPorts({ family: 4, sources: range(source), rowsMax: 2 });
  expect(cut).toMatchObject({ truncated: true });
  expect(cut.rows.byteLength).toBe(2 * ROW_BYTES);
});

test('IPv6 sources have no IPv4 rows', async () => {
  const server = net.createServer().listen({ host: '::1', port: 0 });
  onTestFinished(() => void server.close());
  await within('a server to listen', once(server, 'listening'));
  const { port } = server.address() as net.AddressInfo;
  const client = await connectNet(port, { host: '::1' });
  const found = texts(await takenPorts({ family: 6, sources: range('::1') }));
  expect(found).toContain(`LISTEN ::1:${port}`);
  expect(found).toContain(`ESTABLISHED ::1:${client.localPort ?? 0} ::1:${port}`);
  expect(found.filter((text) => /127\.|0\.0\.0\.0/.test(text))).toEqual([]);
});

test('addresses are written as RFC 5952 wants them', () => {
  const addresses = ['::', '::1', '2001:db8::1', '2001:db8:0:1:1:1:1:1', '1::2:0:0:3', '2001:0:0:1::2', 'fe80::1:0:0:1', '1:2:3:4:5:6:7:8'];
  const back = addresses.map((address) => decodeAddress(new DataView((encodeAddress(address) ?? expect.fail()).buffer), 0));
  expect(back.map((each) => each?.address)).toEqual([
    '::',
    '::1',
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    '1::2:0:0:3',
    '2001:0:0:1::2',
    'fe80::1:0:0:1',
    '1:2:3:4:5:6:7:8',
  ]);
});
