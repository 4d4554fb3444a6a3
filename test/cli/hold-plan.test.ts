import { planHold } from '../../lib/cli/hold-plan.js';
import { describe, expect, test } from '../helpers/runner.js';
import { loopback, machine, remote } from './machines.js';

const MIB = 2 ** 20;
const sum = (lanes: readonly number[]): number => lanes.reduce((total, lane) => total + lane, 0);

describe('without a number', () => {
  test('a roomy machine holds 100,000, in one loop and one table', () => {
    const plan = planHold(loopback(), machine());
    expect(plan).toMatchObject({
      connections: 100_000,
      descriptors: 'shared',
      driver: 'node',
      loops: 1,
      lanes: [100_000],
    });
  });

  test('100,000 under a limit of 20,000 descriptors take six tables on each side', () => {
    const plan = planHold(loopback(), machine({ descriptorsMax: 20_000 }));
    expect(plan).toMatchObject({
      connections: 100_000,
      descriptors: 'private',
      driver: 'thread',
      acceptingLoops: 6,
      loops: 12,
    });
    expect(Math.max(...plan.lanes)).toBeLessThanOrEqual(20_000 - 64);
    expect(sum(plan.lanes)).toBe(100_000);
  });

  test('where tables cannot be private, one table is the ceiling', () => {
    const plan = planHold(loopback(), machine({ descriptorsMax: 20_000 }, false));
    expect(plan).toMatchObject({
      connections: 9_900,
      descriptors: 'shared',
      driver: 'node',
      binding: { name: 'descriptors' },
    });
  });

  test('the smallest of all ceilings decides, rounded down', () => {
    const ceilings = [
      [{ memoryAvailableBytes: 512 * MIB }, 'memory', 46_000],
      [{ cgroupMemoryAvailableBytes: 128 * MIB }, 'control group memory', 11_000],
      [{ systemFilesMax: 65_536, systemFilesOpen: 1_536 }, 'open files of the system', 32_000],
      [{ epollWatchesMax: 50_000 }, 'epoll registrations', 25_000],
      [{ trackedConnectionsFree: 7_777 }, 'connection tracking', 7_700],
    ] as const;
    for (const [limits, name, connections] of ceilings) {
      expect(planHold(loopback(), machine(limits))).toMatchObject({ connections, binding: { name } });
    }
  });

  test('a limit that is not known is no ceiling', () => {
    const unknown = {
      memoryAvailableBytes: null,
      systemFilesMax: null,
      epollWatchesMax: null,
      portsLow: null,
      portsHigh: null,
    };
    expect(planHold(loopback(), machine(unknown)).connections).toBe(100_000);
  });

  test('a machine with next to nothing is refused instead of planned for nothing', () => {
    expect(() => planHold(loopback(), machine({ memoryAvailableBytes: 4_096 }))).toThrow(/the ceiling is memory, at 0/);
  });
});

describe('with a number', () => {
  test('more than a ceiling allows is refused, with the ceiling, its cause and what raises it', () => {
    expect(() => planHold(loopback({ connections: 3_000_000 }), machine({ descriptorsMax: 20_000 }))).toThrow(
      /: 3,000,000 do not fit: the ceiling is memory, at 2,220,513 .*24\.0 GiB.*; ask for fewer, or free memory/,
    );
  });

  test('a million under a limit of 20,000 takes 51 tables on each side', () => {
    const plan = planHold(loopback({ connections: 1_000_000 }), machine({ descriptorsMax: 20_000 }));
    expect(plan).toMatchObject({ acceptingLoops: 51, connectingLoops: 51, loops: 102, binding: { name: 'memory' } });
    expect(sum(plan.lanes)).toBe(1_000_000);
  });

  test('a handful does not take more loops than connections', () => {
    const plan = planHold(loopback({ connections: 3, loops: 8 }), machine());
    expect(plan).toMatchObject({ lanes: [1, 1, 1], acceptingLoops: 3, connectingLoops: 3 });
  });

  test('one descriptor more than a table holds makes tables private', () => {
    const small = machine({ descriptorsMax: 1_024, descriptorsOpen: 24 });
    expect(planHold(loopback({ connections: 468 }), small).descriptors).toBe('shared');
    expect(planHold(loopback({ connections: 469 }), small)).toMatchObject({ descriptors: 'private', lanes: [469] });
  });
});

describe('with a choice of loops and descriptors', () => {
  test('loops that are asked for run on threads, in one table if it has room', () => {
    const plan = planHold(loopback({ connections: 10_000, loops: 2 }), machine());
    expect(plan).toMatchObject({ driver: 'thread', descriptors: 'shared', lanes: [5_000, 5_000], loops: 4 });
  });

  test('too few private loops are refused', () => {
    const request = loopback({ connections: 100_000, loops: 4, descriptors: 'private' });
    expect(() => planHold(request, machine({ descriptorsMax: 20_000 }))).toThrow(/ceiling is descriptors, at 79,744/);
  });

  test('a shared table that is too small is refused, and private ones are recommended', () => {
    const request = loopback({ connections: 30_000, descriptors: 'shared' });
    expect(() => planHold(request, machine({ descriptorsMax: 20_000 }))).toThrow(/at 9,958 .*--descriptors private/);
  });

  test('private tables are refused where the kernel has none', () => {
    expect(() => planHold(loopback({ descriptors: 'private' }), machine({}, false))).toThrow(
      /^--descriptors private: /,
    );
  });

  test('more loops than ids can name are refused', () => {
    expect(() => planHold(loopback({ loops: 129 }), machine())).toThrow('--loops: at most 128 on each side');
    expect(planHold(remote({ loops: 256, connections: 256 }), machine()).loops).toBe(256);
  });

  test('loops whose wake-ups do not fit the main table are refused', () => {
    expect(() => planHold(loopback({ loops: 40 }), machine({ descriptorsMax: 256 }))).toThrow('--loops: at most 29');
  });
});

describe('source addresses', () => {
  test('each lane has addresses of its own, as many as its connections need', () => {
    expect(planHold(loopback({ connections: 100_000 }), machine()).sources).toEqual({
      eachLane: 2,
      own: true,
      used: 2,
    });
    const plan = planHold(loopback({ connections: 1_000_000 }), machine({ descriptorsMax: 20_000 }));
    expect(plan.sources).toEqual({ eachLane: 1, own: true, used: 51 });
  });

  test('with fewer addresses than lanes, all use the same: the destinations differ', () => {
    const request = loopback({ connections: 100_000, sources: 3 });
    expect(planHold(request, machine({ descriptorsMax: 20_000 })).sources).toEqual({ eachLane: 1, own: false, used: 1 });
  });

  test('ports that are reserved or privileged take more addresses', () => {
    const plan = planHold(loopback({ connections: 10_000 }), machine({ unprivilegedPortStart: 64_512, reservedPorts: 4 }));
    expect(plan.sources.used).toBe(Math.ceil(10_000 / 999));
  });

  test('one address to a server elsewhere holds what its ports allow', () => {
    expect(planHold(remote({ connections: 60_000 }), machine()).sources).toEqual({ eachLane: 1, own: true, used: 1 });
    expect(() => planHold(remote({ connections: 64_000 }), machine())).toThrow(
      /the ceiling is source ports, at 63,221/,
    );
  });

  test('without a number a server elsewhere gets what one address has', () => {
    expect(planHold(remote(), machine())).toMatchObject({
      connections: 63_000,
      acceptingLoops: 0,
      connectingLoops: 1,
    });
  });
});

test('with a server elsewhere each connection has one end here', () => {
  const plan = planHold(remote({ connections: 19_000 }), machine({ descriptorsMax: 20_000 }));
  expect(plan).toMatchObject({ descriptors: 'shared', driver: 'node', loops: 1, acceptingLoops: 0 });
});
