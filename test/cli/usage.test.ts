import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '../helpers/runner.js';
import { bin, connscale } from './command.js';

describe('what is wrong is said in one line with the name of the option', () => {
  const mistakes = [
    [
      ['hold', '--connections', 'many'],
      /^connscale: option '-n, --connections <number>' argument 'many' is invalid\. .*whole number/,
    ],
    [['hold', '--conections', '5'], /^connscale: unknown option '--conections' \(Did you mean --connections\?\)/],
    [['hold', '--target', 'nowhere'], /^connscale hold: --target: 'nowhere' is not host:port/],
    [['hold', '--target', '127.0.0.1:0'], /^connscale hold: --target: '127\.0\.0\.1:0' is not host:port/],
    [['hold', '--source', 'everywhere'], /^connscale hold: --source: 'everywhere' is no IP address/],
    [['hold', '--hold-seconds', '-1'], /--hold-seconds/],
    [['serve', '--port', '65536'], /^connscale: option '-p, --port <number>' argument '65536' is invalid\./],
    [
      ['serve', '--mode', 'shout'],
      /^connscale: option '-m, --mode <mode>' argument 'shout' is invalid\. .*echo, discard, hold/,
    ],
    [['serve', '--driver', 'node', '--loops', '2'], /^connscale serve: --driver node: one loop/],
    [['churn', '--close', 'gently'], /^connscale: option '--close <how>' argument 'gently' is invalid/],
    [
      ['churn', '--concurrency', '900000'],
      /^connscale churn: --concurrency: 900,000 do not fit: the ceiling is descriptors/,
    ],
    [['ports', '--source', 'everywhere'], /^connscale ports: --source: 'everywhere' is not a list of IP addresses/],
    [['ports', '--source', '127.0.0.0/8'], /^connscale ports: --source: '127\.0\.0\.0\/8' is not a list of IP addresses/],
    [['ports', '--destination', 'nowhere'], /^connscale ports: --destination: 'nowhere' is not host:port/],
    [
      ['ports', '--source', '127.0.0.1', '--destination', '[::1]:80'],
      /^connscale ports: --source: '127\.0\.0\.1' is not of the family of --destination/,
    ],
    [['juggle'], /^connscale: unknown command 'juggle'/],
  ] as const;
  for (const [args, pattern] of mistakes) {
    test(`connscale ${args.join(' ')}`, async () => {
      const ended = await connscale(...args);
      expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
      expect(ended.stderr).toMatch(pattern);
      expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
    });
  }
});

test('--help describes every command, in lines that fit a terminal', async () => {
  for (const args of [['--help'], ['serve', '--help'], ['hold', '--help'], ['churn', '--help'], ['ports', '--help']]) {
    const ended = await connscale(...args);
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toMatch(/^Usage: connscale/);
    expect(ended.stdout.split('\n').filter((line) => line.length > 82)).toEqual([]);
  }
});

test('a reader that goes away is no error', async () => {
  const args = [bin, 'hold', '--connections', '10', '--hold-seconds', '0', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  child.stderr.destroy();
  expect(await once(child, 'exit')).toEqual([0, null]);
});
