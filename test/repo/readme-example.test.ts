import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { root } from './source-files.js';

function example(): string {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const code = /^## An echo server\n\n```js\n([\s\S]*?)^```/m.exec(readme)?.[1];
  if (code === undefined) throw new Error('README.md has no echo server');
  return code;
}

test('the echo server of the README echoes, and ends on SIGINT', async () => {
  const server = spawn(process.execPath, ['--input-type=module', '-e', example()], {
    cwd: root,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    server.kill('SIGKILL');
  });
  const [line] = (await once(createInterface(server.stdout), 'line')) as [string];
  const peer = connect(Number(/:(\d+)$/.exec(line)?.[1]), '127.0.0.1');
  peer.end('hello');
  const received = await peer.setEncoding('utf8').toArray();
  expect(received.join('')).toBe('hello');

  server.kill('SIGINT');
  expect(await once(server, 'exit')).toEqual([0, null]);
});
