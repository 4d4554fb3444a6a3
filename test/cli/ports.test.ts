import { expect, test } from '../helpers/runner.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { connscale, report } from './command.js';

const source = `127.${150 + (process.pid % 50)}.${Math.floor(process.pid / 50) % 250}.1`;

test('ports --json has the range, the census, and what is left from a source to a destination', async () => {
  const server = await openNetServer();
  for (let i = 0; i < 3; i++) await connectNet(server.port, { localAddress: source });
  const ended = await connscale('ports', '--json', '--source', source, '--destination', `127.0.0.1:${server.port}`);
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  expect(report(ended)).toMatchObject({
    command: 'ports',
    range: { source: '/proc/sys/net/ipv4/ip_local_port_range' },
    reserved: { source: '/proc/sys/net/ipv4/ip_local_reserved_ports' },
    unprivilegedStart: { source: '/proc/sys/net/ipv4/ip_unprivileged_port_start' },
    census: { source: 'sock_diag', networkNamespace: { inode: expect.any(Number) } },
    sources: [
      {
        from: source,
        to: { address: '127.0.0.1', port: server.port },
        byState: { ESTABLISHED: 3 },
        explicit: { connected: 3, shared: 0 },
      },
    ],
  });
});

test('ports without --source looks at the addresses with the most sockets', async () => {
  const server = await openNetServer();
  await connectNet(server.port, { localAddress: source });
  const { sources, census } = report(await connscale('ports', '--json')) as {
    sources: { from: string }[];
    census: { byAddress: { address: string }[] };
  };
  const addresses = census.byAddress.map(({ address }) => address).filter((each) => !['0.0.0.0', '::'].includes(each));
  expect(sources.map(({ from }) => from)).toEqual(addresses.slice(0, 8));
});

test('ports tells a person the range, what is in use and what is left', async () => {
  const server = await openNetServer();
  await connectNet(server.port, { localAddress: source });
  const { exitCode, stdout } = await connscale('ports', '--source', `${source}, 127.0.0.1`);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/TCP sockets? in network namespace \d+/);
  expect(stdout).toMatch(/automatic +\d+ to \d+ .*net\.ipv4\.ip_local_port_range/);
  expect(stdout).toMatch(/explicit +\d+ to 65535/);
  expect(stdout).toMatch(new RegExp(`${source.replaceAll('.', '\\.')} +\\d+ sockets? `));
  expect(stdout).toMatch(/automatic +[\d,]+ more +of [\d,]+ ports/);
  expect(stdout).toMatch(/explicit +[\d,]+ more +of [\d,]+ ports/);
});
