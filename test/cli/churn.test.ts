import { expect, test } from '../helpers/runner.js';
import { RunningCommand, connscale, report, serve } from './command.js';

const latency = {
  count: 2_000,
  mean: expect.any(Number),
  p50: expect.any(Number),
  p90: expect.any(Number),
  p99: expect.any(Number),
  p999: expect.any(Number),
  max: expect.any(Number),
};

test('churn makes as many connections as it is asked to', async () => {
  const ended = await connscale('churn', '--connections', '2000', '--concurrency', '50', '--json');
  expect(ended.exitCode).toBe(0);
  expect(report(ended)).toMatchObject({
    command: 'churn',
    connections: 2_000,
    concurrency: 50,
    close: 'reset',
    rateAsked: null,
    connectMicros: latency,
    connectMicrosReason: null,
    echoMicros: null,
    echoMicrosReason: 'there was no echo: give --echo',
    endsInThisProcess: 2,
    unfinished: 0,
    failures: {},
    interrupted: null,
  });
});

test('churn --echo --close end exchanges bytes with a server elsewhere and ends in good order', async () => {
  const { command, target } = await serve();
  const ended = await connscale('churn', '--target', target, '-n', '2000', '--echo', '64', '--close', 'end', '--json');
  expect(report(ended)).toMatchObject({ connections: 2_000, echoMicros: latency, endsInThisProcess: 1, failures: {} });
  command.signal('SIGINT');
  expect(report(await command.ended)).toMatchObject({
    connections: 2_000,
    bytesReceived: 128_000,
    bytesSent: 128_000,
    closeErrors: {},
  });
});

test('churn --seconds ends when the time is up', async () => {
  const figures = report(await connscale('churn', '--seconds', '0.5', '--json'));
  expect(figures['seconds']).toBeGreaterThan(0.4);
  expect(figures['connections']).toBeGreaterThan(100);
  expect(figures['failures']).toEqual({});
});

test('churn --rate starts no more than that', async () => {
  const figures = report(await connscale('churn', '--connections', '500', '--rate', '1000', '--json'));
  expect(figures).toMatchObject({ connections: 500, rateAsked: 1_000 });
  expect(figures['seconds']).toBeGreaterThan(0.45);
});

test('a target that does not answer is a failure of each connection, not a wait for ever', async () => {
  const { target } = await serve('--mode', 'discard');
  const ended = await connscale('churn', '--target', target, '-n', '5', '--echo', '8', '--timeout', '0.2', '--json');
  expect(ended.exitCode).toBe(1);
  expect(report(ended)).toMatchObject({ connections: 0, failures: { ERR_CONNSCALE_IDLE_TIMEOUT: 5 } });
});

test('Ctrl-C ends it with the summary so far', async () => {
  const { command: server, target } = await serve();
  const command = new RunningCommand(['churn', '--seconds', '600', '--target', target, '--json']);
  await command.says(/churn: for 600 s/);
  command.signal('SIGINT');
  const ended = await command.ended;
  expect(ended.exitCode).toBe(130);
  expect(report(ended)).toMatchObject({ interrupted: 'SIGINT', failures: {} });
  server.signal('SIGINT');
  await server.ended;
});

test('a second signal ends it at once, without a summary', async () => {
  // It waits a second for the answers that do not come, so there is time for the second signal.
  const { target } = await serve('--mode', 'discard');
  const command = new RunningCommand(['churn', '--seconds', '600', '--echo', '8', '--target', target, '--json']);
  await command.says(/churn: for 600 s/);
  command.signal('SIGINT');
  command.signal('SIGTERM'); // another one: two of a kind may arrive as one
  expect(await command.ended).toMatchObject({ exitCode: 143, stdout: '' });
});

test('a summary for a person names failures in words', async () => {
  const { command, target } = await serve();
  command.signal('SIGINT');
  await command.ended;
  const ended = await connscale('churn', '--target', target, '-n', '10');
  expect(ended.exitCode).toBe(1);
  expect(ended.stdout).toMatch(/failures +10 connections\n +10 ECONNREFUSED\n +nobody listens there/);
});
