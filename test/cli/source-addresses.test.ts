import { chooseSources, loopbackSources, parseSources } from '../../lib/cli/source-addresses.js';
import { expect, test } from '../helpers/runner.js';

test('addresses, blocks and ranges may be mixed', () => {
  const sources = parseSources('192.0.2.9, 10.0.0.0/30,10.1.0.5-10.1.0.7');
  expect(Array.from({ length: sources.count }, (_, i) => sources.at(i))).toEqual([
    '192.0.2.9',
    '10.0.0.1',
    '10.0.0.2',
    '10.1.0.5',
    '10.1.0.6',
    '10.1.0.7',
  ]);
  expect(() => sources.at(6)).toThrow(RangeError);
});

test('what is no address is refused with its text, and the name of the option', () => {
  for (const text of ['', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', 'host', '1.2.3.4,', '1.1.1.2-1.1.1.1']) {
    expect(() => parseSources(text)).toThrow(/^--source: '.*'/);
  }
});

test('addresses of two families, or twice the same, are refused', () => {
  expect(() => parseSources('10.0.0.1,::1')).toThrow('of another family');
  expect(() => parseSources('10.0.0.1,10.0.0.0/24')).toThrow('10.0.0.1 is there more than once');
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
