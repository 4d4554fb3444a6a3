import { SourceAddresses, chooseSources, loopbackSources } from '../../lib/cli/source-addresses.js';
import { expect, test } from '../helpers/runner.js';

test('a network is its addresses without the first and the last', () => {
  const sources = new SourceAddresses('10.1.2.0/29');
  expect(Array.from({ length: sources.count }, (_, i) => sources.at(i))).toEqual(
    [1, 2, 3, 4, 5, 6].map((byte) => `10.1.2.${byte}`),
  );
  expect(new SourceAddresses('127.0.0.0/8').at(16_777_213)).toBe('127.255.255.254');
});

test('addresses and networks may be mixed', () => {
  const sources = new SourceAddresses('192.0.2.9, 10.0.0.0/30');
  expect([sources.count, sources.at(0), sources.at(1), sources.at(2)]).toEqual([
    3,
    '192.0.2.9',
    '10.0.0.1',
    '10.0.0.2',
  ]);
  expect(() => sources.at(3)).toThrow(RangeError);
});

test('what is no address is refused with its text', () => {
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/x',
    '10.0.0.0/7',
    '::1/64',
    'host',
    '1.2.3.4,',
  ]) {
    expect(() => new SourceAddresses(text)).toThrow(/^--source: '.*' is neither/);
  }
});

test('addresses of two families are refused', () => {
  expect(() => new SourceAddresses('10.0.0.1,::1')).toThrow('--source: addresses of one family only');
});

test('the loopback network of a process is one that exists', () => {
  expect(loopbackSources(0).at(0)).toBe('127.1.0.1');
  expect(loopbackSources(253).at(65_533)).toBe('127.254.255.254');
});

test('the kernel chooses for a server elsewhere, and on IPv6', () => {
  expect(chooseSources(undefined, { family: 'IPv4', isLoopback: false })).toBeUndefined();
  expect(chooseSources(undefined, { family: 'IPv6', isLoopback: true })).toBeUndefined();
  expect(chooseSources(undefined, { family: 'IPv4', isLoopback: true })?.count).toBe(65_534);
  expect(() => chooseSources('10.0.0.1', { family: 'IPv6', isLoopback: false })).toThrow('--source');
});
