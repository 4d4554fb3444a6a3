// Texts of addresses to connect from. Which of them are local is a matter of connect-many.test.ts.
import { AddressPool, type SourceAddresses } from '../../lib/loop/address-pool.js';
import { expect, test } from '../helpers/runner.js';

const RECORD_BYTES = 32;

function pool(...sources: SourceAddresses[]): AddressPool {
  return AddressPool.parse('sources', sources);
}

function all(one: AddressPool): string[] {
  return Array.from({ length: one.count }, (_, i) => one.at(i));
}

const zeros = (last: string): string => `${'0000:'.repeat(7)}${last}`;

test('a block is its addresses without the first and the last, where it has more than two', () => {
  expect(all(pool('10.1.2.0/29'))).toEqual([1, 2, 3, 4, 5, 6].map((byte) => `10.1.2.${byte}`));
  expect(all(pool('10.1.2.5/30'))).toEqual(['10.1.2.5', '10.1.2.6']); // of the block that it is in
  expect(all(pool('10.1.2.5/31'))).toEqual(['10.1.2.4', '10.1.2.5']);
  expect(all(pool('10.1.2.5/32'))).toEqual(['10.1.2.5']);
  expect(pool('10.0.0.0/8').count).toBe(2 ** 24 - 2);
  expect(pool('10.0.0.0/8').at(2 ** 24 - 3)).toBe('10.255.255.254');
});

test('a range has both its ends, and carries from byte to byte', () => {
  expect(all(pool('10.0.0.254-10.0.1.1'))).toEqual(['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1']);
  expect(all(pool('255.255.255.254 - 255.255.255.255'))).toEqual(['255.255.255.254', '255.255.255.255']);
  expect(all(pool('0.0.0.0-0.0.0.1'))).toEqual(['0.0.0.0', '0.0.0.1']);
  expect(all(pool('10.0.0.1-10.0.0.1'))).toEqual(['10.0.0.1']);
});

test('IPv6: a block has every address, and a range goes beyond 32 bits', () => {
  expect(all(pool('::4/126'))).toEqual(['0004', '0005', '0006', '0007'].map(zeros));
  expect(all(pool('::1'))).toEqual([zeros('0001')]);
  const across = pool('fd00::ffff:ffff:ffff:fffe-fd00::1:0:0:0:1');
  expect(across.count).toBe(4);
  expect(across.at(3)).toBe('fd00:0000:0000:0001:0000:0000:0000:0001');
  expect([across.family, pool('1.2.3.4').family]).toEqual([6, 4]);
  expect(pool('::ffff:1.2.3.4').family).toBe(6);
});

test('several are one after the other, as they were given', () => {
  const several = pool('10.0.0.9', '10.0.0.0/30', '10.0.0.4-10.0.0.6');
  expect(all(several)).toEqual(['10.0.0.9', '10.0.0.1', '10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
  expect(() => several.at(6)).toThrow(RangeError);
  expect(AddressPool.parse('again', several.texts()).texts()).toEqual(several.texts());
});

test('blocks beside each other do not overlap, and any that share an address do', () => {
  expect(pool('10.0.1.0/24', '10.0.0.0/24').count).toBe(508);
  expect(pool('10.0.0.0-10.0.0.9', '10.0.0.10').count).toBe(11);
  for (const sources of [
    ['10.0.0.1', '10.0.0.1'],
    ['10.0.0.0/8', '10.9.9.9'],
    ['10.9.9.9', '10.0.0.0/8'],
    ['10.0.0.1-10.0.0.9', '10.0.0.20', '10.0.0.9-10.0.0.10'],
    ['::1', '0:0:0:0:0:0:0:1'],
  ]) {
    expect(() => pool(...sources)).toThrow(/^sources: .* is there more than once$/);
  }
});

test('addresses of two families are refused, and of an interface only one family is taken', () => {
  expect(() => pool('10.0.0.1', '::1')).toThrow(/^sources: .* is of another family than the others$/);
  expect(all(pool({ interface: 'lo' }))).toEqual(['127.0.0.1']);
  expect(all(AddressPool.parse('sources', [{ interface: 'lo' }], 6))).toEqual([zeros('0001')]);
});

test('slices of a pool have each of its addresses once, in order', () => {
  const whole = pool('10.0.0.9', '10.0.0.16/29', '10.0.0.4-10.0.0.6');
  for (let parts = 1; parts <= whole.count; parts++) {
    const bound = (i: number): number => Math.floor((whole.count * i) / parts);
    const slices = Array.from({ length: parts }, (_, i) => whole.slice(bound(i), bound(i + 1)));
    expect(slices.flatMap(all)).toEqual(all(whole));
  }
  expect(whole.slice(3, 3).count).toBe(0);
});

test('an encoded pool has 32 bytes for each range, whatever their number of addresses', () => {
  const bytes = pool('10.0.0.0/8', '192.0.2.1').encode();
  expect(bytes).toHaveLength(2 * RECORD_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expect([view.getUint8(0), ...bytes.subarray(8, 12), view.getUint32(24, true)]).toEqual([4, 10, 0, 0, 1, 2 ** 24 - 2]);
  expect([...bytes.subarray(RECORD_BYTES + 8, RECORD_BYTES + 12), view.getUint32(RECORD_BYTES + 24, true)]).toEqual([
    192, 0, 2, 1, 1,
  ]);
  expect(AddressPool.none.encode()).toHaveLength(0);
});
