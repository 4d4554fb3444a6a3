import { type DriverCase, DRIVERS } from '../helpers/drivers.js';
import { type ChildOutcome, startScript } from '../helpers/child.js';
import { connectNet, openNetServer } from '../helpers/peers.js';
import { expect, test } from '../helpers/runner.js';

// A 'manual' loop keeps nothing alive: whoever polls it does.
const driven = DRIVERS.filter((driver) => driver.options.driver !== 'manual');

async function run(driver: DriverCase, scenario: string, port: number): Promise<ChildOutcome> {
  const script = startScript('contract/scripts/ref.mjs', {
    args: [driver.options.driver ?? '', driver.options.descriptors ?? 'shared', scenario, String(port)],
  });
  const greet = async (): Promise<void> => {
    (await connectNet(Number(await script.line('port')))).end('hello');
  };
  greet().catch(() => undefined); // most scenarios do not listen
  return script.outcome;
}

async function outputs(scenario: string): Promise<string[]> {
  const server = await openNetServer((socket) => socket.end('hello'));
  const all = await Promise.all(driven.map((driver) => run(driver, scenario, server.port)));
  for (const { code, stderr } of all) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return all.map(({ stdout }) => stdout.replace(/^port \d+\n/, ''));
}

for (const scenario of [
  'a loop with nothing to do',
  'a loop that is closed',
  'a closed listener',
  'an unreferenced listener',
  'an unreferenced connection',
  'an unreferenced loop with a question under way',
]) {
  test(`the process ends in spite of ${scenario}`, async () => {
    expect(await outputs(scenario)).toEqual(driven.map(() => 'exit\n'));
  });
}

for (const scenario of ['a listener', 'a listener, unreferenced and referenced again', 'a connection']) {
  test(`the process lives as long as ${scenario} does`, async () => {
    expect(await outputs(scenario)).toEqual(driven.map(() => 'received hello\nexit\n'));
  });
}
