import { describe, expect, test } from '../helpers/runner.js';
import { RunningCommand, connscale, report, serve } from './command.js';

const SMALL = ['hold', '--connections', '500', '--hold-seconds', '0'] as const;

describe('hold', () => {
  test('--json prints one object with the figures, and nothing else', async () => {
    const ended = await connscale(...SMALL, '--json');
    expect(ended.exitCode).toBe(0);
    const figures = report(ended);
    expect(figures).toMatchObject({
      command: 'hold',
      connectionsPlanned: 500,
      connections: 500,
      endsInThisProcess: 2,
      endsOnThisMachine: 2,
      loops: 1,
      descriptors: 'shared',
      failures: {},
      lost: 0,
      gaveUp: false,
      interrupted: null,
      plan: { driver: 'node', acceptingLoops: 1, connectingLoops: 1, connectionsPerLoopMax: 500, sourceAddresses: 1 },
      machine: {
        kernel: expect.stringMatching(/^Linux /),
        node: process.version,
        limits: { acceptQueueMax: expect.any(Number) },
      },
    });
    for (const name of ['seconds', 'connectionsPerSecond', 'cpuMicrosPerConnection', 'closeSeconds']) {
      expect(figures[name], name).toBeGreaterThan(0);
    }
  });

  test('a figure that cannot be had is null with its reason', async () => {
    const figures = report(await connscale(...SMALL, '--json'));
    expect(figures).toMatchObject({
      userBytesPerConnection: null,
      userBytesPerConnectionReason: 'takes 30,000 connections to tell',
      kernelBytesPerConnection: null,
      kernelBytesPerConnectionReason: 'takes 5,000 connections to tell',
      kernelBytesSource: null,
    });
  });

  test('without --json a person gets a summary, and the plan beforehand', async () => {
    const ended = await connscale(...SMALL);
    expect(ended.stderr).toMatch(/^connscale hold: 500 connections over loopback, both ends here/);
    expect(ended.stdout).toContain('500 connections held');
    expect(ended.stdout).toMatch(/failures +none/);
    expect(Math.max(...ended.stdout.split('\n').map((line) => line.length))).toBeLessThan(80);
  });

  test('more connections than a table has descriptors are held in private tables', async () => {
    const ended = await new RunningCommand([...SMALL, '--json'], 400).ended;
    expect(ended.exitCode).toBe(0);
    expect(report(ended)).toMatchObject({
      connections: 500,
      loops: 4,
      descriptors: 'private',
      failures: {},
      plan: { driver: 'thread', acceptingLoops: 2, connectingLoops: 2, connectionsPerLoopMax: 250 },
    });
  });

  test('what cannot fit is refused in one line that names the ceiling, and nothing is started', async () => {
    const ended = await new RunningCommand(['hold', '--connections', '500', '--descriptors', 'shared', '--json'], 400)
      .ended;
    expect(ended).toMatchObject({ exitCode: 2, stdout: '' });
    expect(ended.stderr).toMatch(
      /^connscale hold: --connections: 500 do not fit: the ceiling is descriptors, at 1\d\d .*\n$/,
    );
  });

  test('the kernel says what it costs, from 5,000 connections on', async () => {
    const figures = report(await connscale('hold', '--connections', '6000', '--hold-seconds', '0', '--json'));
    expect(Number.isInteger(figures['kernelBytesPerConnection'])).toBe(true);
    expect(['slab caches', 'meminfo']).toContain(figures['kernelBytesSource']);
  });

  test('--ping-interval exchanges a byte on every connection', async () => {
    const ended = await connscale('hold', '--connections', '300', '--hold-seconds', '1', '--ping-interval', '0.2', '--json');
    const { pings, failures } = report(ended) as { pings: { sent: number; answered: number }; failures: unknown };
    expect(failures).toEqual({});
    expect(pings.sent).toBeGreaterThanOrEqual(300);
    expect(pings.answered).toBe(pings.sent);
  });

  test('--rate opens no faster than that', async () => {
    const figures = report(await connscale(...SMALL, '--rate', '1000', '--json'));
    expect(figures['connections']).toBe(500);
    expect(figures['seconds']).toBeGreaterThan(0.45);
  });
});

describe('hold, interrupted', () => {
  test('the first Ctrl-C closes everything and prints the summary so far', async () => {
    const command = new RunningCommand([
      'hold',
      '--connections',
      '500',
      '--hold-seconds',
      '600',
      '--rate',
      '50',
      '--json',
    ]);
    await command.says(/ceiling/);
    command.signal('SIGINT');
    const ended = await command.ended;
    expect(ended.exitCode).toBe(130);
    const figures = report(ended);
    expect(figures).toMatchObject({ interrupted: 'SIGINT', failures: {}, connectionsPlanned: 500, holdSeconds: 0 });
    expect(figures['connections']).toBeLessThan(500);
  });

  test('SIGTERM does the same with its own exit code', async () => {
    const command = new RunningCommand(['hold', '--connections', '100', '--hold-seconds', '600', '--rate', '50']);
    await command.says(/ceiling/);
    command.signal('SIGTERM');
    const ended = await command.ended;
    expect(ended.exitCode).toBe(143);
    expect(ended.stdout).toContain('cut short by SIGTERM');
  });
});

describe('hold --target', () => {
  test('holds connections to a server elsewhere, and leaves none behind', async () => {
    const { command, target } = await serve('--mode', 'hold');
    const ended = await connscale(...SMALL, '--target', target, '--json');
    expect(ended.exitCode).toBe(0);
    expect(report(ended)).toMatchObject({ connections: 500, endsInThisProcess: 1, plan: { acceptingLoops: 0 } });
    command.signal('SIGINT');
    const served = report(await command.ended);
    expect(served).toMatchObject({ connections: 500, openMax: 500, openAtEnd: 0, closeErrors: { ECONNRESET: 500 } });
  });

  test('a server that is not there is a failure, counted and explained', async () => {
    const { command, target } = await serve();
    command.signal('SIGINT');
    await command.ended;
    const ended = await connscale('hold', '--connections', '20', '--hold-seconds', '0', '--target', target);
    expect(ended.exitCode).toBe(1);
    expect(ended.stdout).toMatch(/20 ECONNREFUSED\n +nobody listens there/);
  });

  test('it gives up when a thousand connects in a row have failed', async () => {
    const { command, target } = await serve();
    command.signal('SIGINT');
    await command.ended;
    const ended = await connscale('hold', '--connections', '5000', '--target', target, '--json');
    const figures = report(ended);
    expect(figures).toMatchObject({
      connections: 0,
      gaveUp: true,
      connectionsPerSecond: null,
      cpuMicrosPerConnection: null,
    });
    expect(figures['connectionsPerSecondReason']).toBe('no connection was established');
  });

  test('connections that the server closes while they are held are lost', async () => {
    const { command, target } = await serve();
    const holding = new RunningCommand([
      'hold',
      '--connections',
      '50',
      '--hold-seconds',
      '2',
      '--json',
      '--target',
      target,
    ]);
    await holding.says(/ceiling/);
    command.signal('SIGINT');
    await command.ended;
    const ended = await holding.ended;
    expect(ended.exitCode).toBe(1);
    const { connections, lost, failures } = report(ended) as {
      connections: number;
      lost: number;
      failures: Record<string, number>;
    };
    expect(Object.values(failures).reduce((sum, count) => sum + count, 0)).toBe(50 - connections + lost);
    expect(lost).toBe(connections);
  });
});
