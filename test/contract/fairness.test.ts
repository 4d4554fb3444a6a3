// A loop inside Node's own has much to do, and others have their turn all the same.
import { openUnpolled } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

test('between connects of a run that is never short of work, Node’s loop goes round', async () => {
  const server = openUnpolled({ driver: 'thread' });
  const client = openUnpolled({ driver: 'node' });
  const listener = await server.listen({ host: '127.0.0.1', port: 0 }, {});
  const { address: host, port } = listener.address;
  let sinceTurn = 0;
  let mostBetweenTurns = 0;
  let running = true;
  const turn = (): void => {
    sinceTurn = 0;
    if (running) setImmediate(turn);
  };
  turn();
  const run = client.connectMany(
    { destinations: { host, port }, sources: '127.0.7.0/28', count: 5_000, ports: 'explicit' },
    {
      open: () => {
        mostBetweenTurns = Math.max(mostBetweenTurns, ++sinceTurn);
      },
    },
  );
  const { opened } = await run.done;
  running = false;
  expect(opened).toBe(5_000);
  expect(mostBetweenTurns).toBeLessThan(2_000);
});
