import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from '../helpers/runner.js';
import { RunningCommand, connscale, report, serve } from './command.js';

test('echo sends everything back, and Ctrl-C ends it with exit code 0', async () => {
  const { command, port } = await serve();
  const socket = connect(Number(port), '127.0.0.1').end('hello');
  expect(await text(socket)).toBe('hello');
  command.signal('SIGINT');
  const ended = await command.ended;
  expect(ended.exitCode).toBe(0);
  expect(report(ended)).toMatchObject({
    command: 'serve',
    address: '127.0.0.1',
    port: Number(port),
    mode: 'echo',
    driver: 'node',
    loops: 1,
    descriptors: 'shared',
    connections: 1,
    bytesReceived: 5,
    bytesSent: 5,
    closeErrors: {},
    interrupted: 'SIGINT',
  });
});

test('discard drops what comes, and several loops share the port', async () => {
  const { command, port } = await serve('--mode', 'discard', '--loops', '2', '--descriptors', 'private');
  const replies = await Promise.all(['a', 'bb'].map((word) => text(connect(Number(port), '127.0.0.1').end(word))));
  expect(replies).toEqual(['', '']);
  command.signal('SIGTERM');
  expect(report(await command.ended)).toMatchObject({
    driver: 'thread',
    loops: 2,
    descriptors: 'private',
    connections: 2,
    bytesReceived: 3,
    bytesSent: 0,
    interrupted: 'SIGTERM',
  });
});

test('a server that nobody came to has no CPU time per connection, and says why', async () => {
  const { command } = await serve();
  command.signal('SIGINT');
  expect(report(await command.ended)).toMatchObject({
    connections: 0,
    cpuMicrosPerConnection: null,
    cpuMicrosPerConnectionReason: 'no connection was accepted',
  });
});

test('--port-file has the port once it listens', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'connscale-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'port');
  const command = new RunningCommand(['serve', '--port', '0', '--port-file', file]);
  const [, port] = await command.says(/port (\d+) \(/);
  // It is written before the line is printed.
  expect(readFileSync(file, 'utf8')).toBe(`${port ?? ''}\n`);
  command.signal('SIGINT');
  expect((await command.ended).stdout).toContain('0 connections served');
});

test('a port that is taken is one line with the option and exit code 2', async () => {
  const { port } = await serve();
  expect(await connscale('serve', '--port', port)).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `connscale serve: --port ${port}: EADDRINUSE from bind (something listens there already)\n`,
  });
});
