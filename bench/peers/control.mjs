// What every server under test owes the harness: its port on standard output, a collection of garbage at the line
// "gc", and its end at the end of standard input.
import { createInterface } from 'node:readline';

/** @param {{ port: number, collectGarbage: () => void, close: () => unknown }} server */
export function serveHarness({ port, collectGarbage, close }) {
  const input = createInterface({ input: process.stdin });
  input.on('line', (line) => {
    if (line === 'gc') collectGarbage();
  });
  input.on('close', close);
  console.log(JSON.stringify({ port }));
}
