// Calls the addon itself, behind the façade's back, with whatever: node native-arguments.mjs
import { native } from '../../../dist/binding.js';
import { layOut } from '../../../dist/loop/layout.js';

const refused = {};
function attempt(body) {
  try {
    const result = body();
    if (result instanceof Promise) result.catch(() => undefined);
    return result;
  } catch (error) {
    refused[error.name] = (refused[error.name] ?? 0) + 1;
    return undefined;
  }
}

const layout = layOut({ completionCapacity: 16, submissionBytes: 4096, slabBytes: 4096, slots: 2 });
const valid = {
  memory: new ArrayBuffer(layout.totalBytes),
  layout,
  dispatch: () => undefined,
  fail: () => undefined,
  loop: 0,
  maxConnections: 1,
  highWaterMarkBytes: 0,
  writeQueueMaxBytes: 1,
  driver: 'manual',
  privateDescriptors: false,
  useLibuv: true,
  descriptorsWanted: 0,
};
const odd = [
  undefined,
  null,
  -1,
  0.5,
  NaN,
  Infinity,
  2 ** 32,
  2 ** 53,
  '',
  'x',
  {},
  [],
  () => 1,
  true,
  Symbol('s'),
  1n,
  new ArrayBuffer(8),
];

const throwing = new Proxy(
  {},
  {
    get() {
      throw new RangeError('a getter that throws');
    },
  },
);

for (const settings of [...odd, throwing]) attempt(() => new native.NativeLoop(settings));
attempt(() => native.NativeLoop(valid));
for (const key of Object.keys(valid)) {
  for (const value of odd) attempt(() => new native.NativeLoop({ ...valid, [key]: value }));
}
for (const key of Object.keys(layout)) {
  for (const value of [...odd, 0, 4, 8, 2 ** 31, layout.totalBytes, layout.totalBytes - 1]) {
    const loop = attempt(() => new native.NativeLoop({ ...valid, layout: { ...layout, [key]: value } }));
    attempt(() => loop?.start());
    attempt(() => loop?.poll(0));
    attempt(() => loop?.stop());
  }
}

// A ring that the way to an engine's thread could never take.
const tooLong = layOut({ completionCapacity: 16, submissionBytes: 2 ** 26 + 8, slabBytes: 4096, slots: 2 });
const before = refused.RangeError;
attempt(() => new native.NativeLoop({ ...valid, memory: new ArrayBuffer(tooLong.totalBytes), layout: tooLong }));
if (refused.RangeError === before) throw new Error('a submission ring longer than the inbox was taken');

const loop = new native.NativeLoop(valid);
const methods = ['flush', 'poll', 'task', 'ref', 'unref', 'stop', 'driverName', 'start'];
for (const method of ['flush', 'poll', 'ref', 'unref', 'stop', 'driverName']) attempt(() => loop[method]()); // not started
attempt(() => loop.task('localAddress', { id: 1 }));
loop.start();
attempt(() => loop.start());
const tasks = [
  'listen',
  'closeListener',
  'reportListener',
  'setOption',
  'getOption',
  'localAddress',
  'remoteAddress',
  'shutdown',
];
const parameters = [
  'address',
  'port',
  'backlog',
  'reusePort',
  'ipv6Only',
  'deferAcceptMs',
  'fastOpenQueue',
  'options',
  'acceptBatch',
  'maxConnections',
  'resetOverload',
  'handlers',
  'idleTimeoutTicks',
  'listener',
  'id',
  'row',
  'value',
  'timeoutMs',
];
for (const value of odd) {
  for (const method of methods) attempt(() => loop[method].call(value));
  attempt(() => loop.task(value, value));
  attempt(() => loop.poll(typeof value === 'number' ? 0 : value)); // a number would be waited for
  for (const task of tasks) {
    if (task === 'shutdown') continue;
    attempt(() => loop.task(task, value));
    attempt(() => loop.task(task, Object.fromEntries(parameters.map((name) => [name, value]))));
    attempt(() => loop.task(task, throwing));
  }
  for (const into of odd) attempt(() => native.encodeAddress(value, into));
}
for (const id of [0, 1, 2 ** 21, 2 ** 45, 2 ** 53 - 1, -0]) {
  for (const row of [0, 10, 11, 2 ** 32 - 1]) {
    attempt(() => loop.task('getOption', { id, row }));
    attempt(() => loop.task('setOption', { id, row, value: 2 ** 60 }));
  }
  for (const listener of [0, 254, 255, 2 ** 32 - 1]) attempt(() => loop.task('reportListener', { listener }));
}
const listen = {
  address: '127.0.0.1',
  port: 0,
  backlog: 1,
  reusePort: false,
  ipv6Only: false,
  deferAcceptMs: 0,
  fastOpenQueue: 0,
  options: [],
  acceptBatch: 1,
  maxConnections: 1,
  resetOverload: false,
  handlers: 0,
  idleTimeoutTicks: 0,
};
for (const options of [[0], [0, 1], [99, 1], [-1, -1], [0, 1e300], [NaN, NaN], Array(1000).fill(0)]) {
  attempt(() => loop.task('listen', { ...listen, options }));
}
for (const address of ['::1%nowhere', '127.0.0.1\0', 'x'.repeat(10_000), '::ffff:1.2.3.4', '0x7f.1']) {
  attempt(() => loop.task('listen', { ...listen, address }));
  attempt(() => native.encodeAddress(address, new Uint8Array(24)));
}
attempt(() => loop.task('shutdown', { timeoutMs: 0 }));
for (let i = 0; i < 5; i++) loop.poll(0);
loop.stop();
loop.stop();
for (const method of methods) attempt(() => loop[method]()); // stopped
attempt(() => loop.task('localAddress', { id: 1 }));
console.log(JSON.stringify(refused));
