// Opens listeners until no descriptor is left, and reads the limit of the failure.
import { closeSync, openSync } from 'node:fs';
import { Loop } from '@connscale/native';

const loop = new Loop();
const held = [];
try {
  for (;;) held.push(openSync('/dev/null'));
} catch (error) {
  if (error.code !== 'EMFILE') throw error;
}
const filler = await loop.listen({ host: '127.0.0.1', port: 0 }, {}).catch((error) => error);
const { code } = filler;
const limit = filler.limit;
for (const descriptor of held) closeSync(descriptor);
const keptAfterwards = filler.limit === limit;
await loop.close();
console.log(JSON.stringify({ code, limit, keptAfterwards }));
