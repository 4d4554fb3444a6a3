import { expectBytes, pattern } from '../helpers/bytes.js';
import { type DriverCase, carriedOut, forEachDriver, openLoop } from '../helpers/drivers.js';
import { connectNet, openNetServer, readExactly, readToEnd } from '../helpers/peers.js';
import { Recording } from '../helpers/recording.js';
import { expect } from '../helpers/runner.js';
import type { ConnectionId, Loop, LoopOptions } from '../../lib/index.js';
import type { Socket } from 'node:net';

const HOST = '127.0.0.1';

/** An accepted connection of ours, and the node:net socket at its other end. */
async function openPair(
  driver: DriverCase,
  options?: LoopOptions,
): Promise<{ loop: Loop; id: ConnectionId; peer: Socket; server: Recording }> {
  const loop = openLoop(driver, options);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peer = await connectNet(listener.address.port);
  return { loop, id: await server.until('open'), peer, server };
}

forEachDriver('text goes out as UTF-8, and write counts its bytes', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const texts = ['plain', 'Grüße', '漢字かな', '🦉🌊', 'lone \ud800 surrogate', ''];
  const expected = Buffer.from(texts.join(''));
  let queued = 0;
  for (const text of texts) expect(loop.write(id, text)).toBe((queued += Buffer.byteLength(text)));
  loop.end(id);
  expectBytes(await readToEnd(peer), expected);
});

forEachDriver('offset and length pick a part of the bytes, and views their part of a buffer', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const bytes = Buffer.from('0123456789'.repeat(10));
  loop.write(id, bytes, 0, 3);
  loop.write(id, bytes, 97);
  loop.write(id, bytes, 5, 30);
  loop.write(id, bytes, 100);
  loop.write(id, new Uint8Array(bytes.buffer, bytes.byteOffset + 1, 4), 2, 2);
  loop.end(id);
  const expected = ['012', '789', '567890123456789012345678901234', '34'].join('');
  expect((await readToEnd(peer)).toString()).toBe(expected);
});

forEachDriver('write copies: what is written may be changed at once', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const bytes = pattern(70_000);
  const expected = Buffer.from(bytes);
  loop.write(id, bytes);
  bytes.fill(0);
  loop.end(id);
  expectBytes(await readToEnd(peer), expected);
});

forEachDriver('one write may be larger than the submission ring, bytes and text', async (driver) => {
  const { loop, id, peer } = await openPair(driver, { submissionRingBytes: 4096 });
  const bytes = pattern(1_000_003);
  const text = '1234567é'.repeat(20_000);
  loop.write(id, bytes);
  loop.write(id, text);
  loop.end(id);
  expectBytes(await readToEnd(peer), Buffer.concat([bytes, Buffer.from(text)]));
});

forEachDriver('a submission ring may have any size, and one write may be larger than it', async (driver) => {
  for (const submissionRingBytes of [4097, 5001]) {
    const { loop, id, peer } = await openPair(driver, { submissionRingBytes });
    const bytes = pattern(100_003);
    const text = '1234567é'.repeat(2_000);
    for (const size of [submissionRingBytes - 16, submissionRingBytes - 17]) loop.write(id, 'x'.repeat(size));
    loop.write(id, bytes);
    loop.write(id, text);
    loop.end(id);
    const before = Buffer.from('x'.repeat(2 * submissionRingBytes - 33));
    expectBytes(await readToEnd(peer), Buffer.concat([before, bytes, Buffer.from(text)]));
  }
});

forEachDriver('every size of write around the size of the ring arrives', async (driver) => {
  const { loop, id, peer } = await openPair(driver, { submissionRingBytes: 4096 });
  const pieces: Buffer[] = [];
  for (const size of [1, 7, 8, 9, 15, 16, 17, 4071, 4072, 4073, 4079, 4080, 4081, 4095, 4096, 4097, 8159, 8160, 8161]) {
    pieces.push(pattern(size, size), Buffer.from('x'.repeat(size)));
  }
  for (const [i, piece] of pieces.entries()) loop.write(id, i % 2 === 0 ? piece : piece.toString());
  loop.end(id);
  expectBytes(await readToEnd(peer), Buffer.concat(pieces));
});

forEachDriver('many writes of one turn arrive whole and in order', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  const pieces = Array.from({ length: 5000 }, (_, i) => (i % 2 === 0 ? `${i},` : Buffer.from(`${i},`)));
  let queued = 0;
  for (const piece of pieces) expect(loop.write(id, piece)).toBe((queued += piece.length));
  const expected = Buffer.from(pieces.map(String).join(''));
  expectBytes(await readExactly(peer, expected.length), expected);
});

forEachDriver('writes of one turn to several connections do not mix', async (driver) => {
  const loop = openLoop(driver);
  const server = new Recording();
  const listener = await loop.listen({ host: HOST, port: 0 }, server.handlers);
  const peers: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    peers.push(await connectNet(listener.address.port));
    await server.until('open', i + 1);
  }
  for (let round = 0; round < 100; round++) server.opened.forEach((id, i) => loop.write(id, `${i}:${round};`));
  for (const id of server.opened) loop.end(id);
  for (const [i, peer] of peers.entries()) {
    const expected = Array.from({ length: 100 }, (_, round) => `${i}:${round};`).join('');
    expect((await readToEnd(peer)).toString()).toBe(expected);
  }
});

forEachDriver(
  'write returns the bytes queued, which fall to nothing when the kernel has taken them',
  async (driver) => {
    const { loop, id, peer } = await openPair(driver);
    expect(loop.write(id, 'abc')).toBe(3);
    expect(loop.write(id, 'defg')).toBe(7);
    await readExactly(peer, 7);
    await carriedOut(loop, id);
    expect(loop.write(id, '')).toBe(0);
    expect(loop.write(id, 'h')).toBe(1);
    await readExactly(peer, 1);
  },
);

forEachDriver('nothing is sent for zero bytes', async (driver) => {
  const { loop, id, peer } = await openPair(driver);
  expect(loop.write(id, '')).toBe(0);
  expect(loop.write(id, new Uint8Array(0))).toBe(0);
  expect(loop.write(id, Buffer.from('abc'), 3)).toBe(0);
  expect(loop.write(id, Buffer.from('abc'), 1, 0)).toBe(0);
  loop.end(id);
  expect(await readToEnd(peer)).toHaveLength(0);
});

forEachDriver('ten megabytes arrive both ways at once', async (driver) => {
  const loop = openLoop(driver);
  const peer = await openNetServer();
  const client = new Recording();
  const id = loop.connect({ host: HOST, port: peer.port }, client.handlers);
  const socket = await peer.accept();
  const [out, back] = [pattern(10_000_019, 1), pattern(10_000_079, 2)];
  const arrived = readToEnd(socket);
  expect(loop.write(id, out)).toBe(out.length);
  socket.end(back);
  await client.untilReceived(back.length);
  expectBytes(client.received(), back);
  expectBytes(await arrived, out); // the end of the peer's stream ended ours, after all of it
});
