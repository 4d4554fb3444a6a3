// The arithmetic of what is left, over marks that a kernel could have made.
import { automaticPorts, explicitPorts, PortMark } from '../../lib/system/port-usage.js';
import { describe, expect, test } from '../helpers/runner.js';

const { Bound, BoundHere, Connected, ConnectedElsewhere, Listens, ListensHere, TimeWait, TimeWaitElsewhere } = PortMark;

function marksOf(marks: Readonly<Record<number, number>>): Uint8Array {
  const bytes = new Uint8Array(65_536);
  for (const [port, mark] of Object.entries(marks)) bytes[Number(port)] = mark;
  return bytes;
}

describe('what the kernel can choose', () => {
  const range = { low: 100, high: 109 };
  const none = { range, reserved: [], boundKnown: true };

  test('is the whole range where nothing is', () => {
    expect(automaticPorts(marksOf({ 99: Listens, 110: Listens }), none)).toMatchObject({ size: 10, connections: 10 });
  });

  test('is without reserved ports, listeners and bound ports of any address, and connections to the destination', () => {
    const marks = marksOf({ 100: Listens, 101: Bound, 102: Connected, 103: TimeWait, 104: Listens | Connected });
    expect(automaticPorts(marks, { ...none, reserved: [{ low: 108, high: 200 }] })).toMatchObject({
      reserved: 2,
      listening: 2,
      bound: 1,
      connected: 2,
      connections: 3,
    });
  });

  test('is with the ports of connections to other destinations', () => {
    const marks = marksOf({ 100: ConnectedElsewhere, 101: TimeWaitElsewhere });
    expect(automaticPorts(marks, none).connections).toBe(10);
  });

  test('says what it cannot know', () => {
    expect(automaticPorts(marksOf({}), { ...none, boundKnown: false })).toMatchObject({
      bound: null,
      explicitlyBound: null,
      explicitlyBoundReason: expect.stringContaining('sock_diag'),
    });
  });
});

describe('what a program can choose', () => {
  const all = { unprivilegedStart: 65_526, boundKnown: true };

  test('is every port from the unprivileged start, but never port 0', () => {
    expect(explicitPorts(marksOf({}), all)).toMatchObject({ size: 10, free: 10, connections: 10 });
    expect(explicitPorts(marksOf({}), { ...all, unprivilegedStart: 0 })).toMatchObject({ range: { low: 1, high: 65_535 } });
  });

  test('is without what is in the way at the source address, and with TIME_WAIT', () => {
    const marks = marksOf({
      65_526: Listens | ListensHere,
      65_527: Bound | BoundHere,
      65_528: Connected,
      65_529: TimeWait,
      65_530: TimeWaitElsewhere,
      65_531: Listens | Bound,
    });
    expect(explicitPorts(marks, all)).toMatchObject({ listening: 1, bound: 1, connected: 1, shared: 0, free: 7 });
  });

  test('shares the ports of connections to other destinations', () => {
    const marks = marksOf({ 65_526: ConnectedElsewhere, 65_527: ConnectedElsewhere | Connected });
    expect(explicitPorts(marks, all)).toMatchObject({ shared: 1, connected: 1, free: 8, connections: 9 });
  });
});
