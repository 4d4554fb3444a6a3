'use strict';
// A CommonJS user of the package.
const { Loop, SystemError, capabilities } = require('@connscale/native');

const loop = new Loop();
loop.listen({ host: '127.0.0.1', port: 0 }, {}).then(async (listener) => {
  const names = { Loop: typeof Loop, SystemError: typeof SystemError, capabilities: typeof capabilities };
  const sameAsImport = (await import('@connscale/native')).Loop === Loop;
  await listener.close();
  console.log(JSON.stringify({ names, sameAsImport, port: listener.address.port }));
});
