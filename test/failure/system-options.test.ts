import { ports } from '../../lib/system/index.js';
import { networkOf } from '../../lib/system/socket-record.js';
import { takenPorts } from '../../lib/system/taken-ports.js';
import { describe, expect, test } from '../helpers/runner.js';

type Ask = (value: unknown) => unknown;

/** How a question fails: at once, or with its promise. */
async function failure(ask: () => unknown): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    return error;
  }
}

const asks: Readonly<Record<string, Ask>> = {
  'dynamicRange({ family })': (family) => ports.dynamicRange({ family } as never),
  'usage({ source })': (source) => ports.usage({ source } as never),
  'usage({ destination })': (destination) => ports.usage({ destination } as never),
  'usage({ destination: { address } })': (address) => ports.usage({ destination: { address } } as never),
  'usage({ destination: { port } })': (port) => ports.usage({ destination: { port } } as never),
  'census({ addressesMax })': (addressesMax) => ports.census({ addressesMax } as never),
  'inUse({ source })': (source) => ports.inUse({ source } as never),
  'inUse({ states })': (states) => ports.inUse({ states } as never),
};

describe('what is no argument is refused with its name', () => {
  for (const [name, ask] of Object.entries(asks)) {
    for (const value of [null, true, NaN, -1, 2 ** 40, 'everything', '1.2.3.4/33', '::/129', '1.2.3.4/', {}, [7], () => 1]) {
      // A port is a number, a destination may be empty, and states may be none: what is right is not tried.
      if (name.includes('destination })') && typeof value === 'object' && value !== null && !Array.isArray(value)) continue;
      test(`${name} of ${typeof value} ${typeof value === 'function' ? '' : JSON.stringify(value)}`, async () => {
        const error = await failure(() => ask(value));
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message).toMatch(/options/);
      });
    }
  }
});

test('an option that does not exist is refused with the nearest name', async () => {
  const asked = [
    () => ports.usage({ sorce: '127.0.0.1' } as never),
    () => ports.census({ addresses: 5 } as never),
    () => ports.inUse({ state: ['LISTEN'] } as never),
    () => ports.dynamicRange({ famly: 'IPv4' } as never),
  ];
  for (const ask of asked) expect(await failure(ask)).toMatchObject({ code: 'ERR_CONNSCALE_UNKNOWN_OPTION' });
  expect(await failure(asked[0] ?? expect.fail)).toMatchObject({ message: expect.stringContaining('did you mean source?') });
});

test('inUse refuses at once, before the first row is asked for', () => {
  expect(() => ports.inUse({ source: 'nowhere' })).toThrow(RangeError);
});

test('usage is about one address, not a network', async () => {
  await expect(ports.usage({ source: '127.0.0.0/8' })).rejects.toThrow(/not a network/);
});

test('a source of one family and a destination of the other are refused', async () => {
  const mixed = { source: '127.0.0.1', destination: { address: '::1', port: 80 } };
  await expect(ports.usage(mixed)).rejects.toThrow(/one family/);
  expect(() => ports.inUse(mixed)).toThrow(/one family/);
});

test('takenPorts refuses bytes that are no pairs of addresses', async () => {
  for (const sources of [new Uint8Array(1), new Uint8Array(24), new Uint8Array(48), new Float64Array(6), 'text', null]) {
    await expect(takenPorts({ family: 4, sources: sources as never })).rejects.toThrow(TypeError);
  }
  await expect(takenPorts({ family: 4, sources: new Uint8Array(48 * 4097) })).rejects.toThrow(TypeError);
});

test('a prefix keeps its bits and frees the others', () => {
  const record = Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0, 10, 1, 0xff, 0x81, ...new Uint8Array(12)]);
  const { first, last } = networkOf(record, 25);
  expect([...first.subarray(8, 12)]).toEqual([10, 1, 0xff, 0x80]);
  expect([...last.subarray(8, 12)]).toEqual([10, 1, 0xff, 0xff]);
  expect([...networkOf(record, 0).last.subarray(8)]).toEqual([255, 255, 255, 255, ...new Uint8Array(12)]);
});
