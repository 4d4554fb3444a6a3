// This package as an echo server: connscale.mjs --driver node|thread --handlers data|dataIn
import { parseArgs } from 'node:util';

import { serveHarness } from './control.mjs';
import { importPackage } from './package.mjs';

const { values } = parseArgs({
  options: { driver: { type: 'string', default: 'node' }, handlers: { type: 'string', default: 'dataIn' } },
});
const { Loop } = await importPackage();
const loop = new Loop({ driver: values.driver });

const handlers = {
  data: { data: (id, bytes) => void loop.write(id, bytes) },
  dataIn: { dataIn: (id, slab, offset, length) => void loop.write(id, slab, offset, length) },
}[values.handlers];
if (handlers === undefined) throw new RangeError(`--handlers is data or dataIn, not ${values.handlers}`);

const listener = await loop.listen({ host: '127.0.0.1', port: 0 }, handlers);
serveHarness({ port: listener.address.port, collectGarbage: globalThis.gc, close: () => loop.close() });
