// The receive slab's ArrayBuffer is JavaScript's: it can be transferred away. The loop ends, and says why.
import { runScriptForJson } from '../helpers/child.js';
import { DRIVERS } from '../helpers/drivers.js';
import { expect, test } from '../helpers/runner.js';

for (const { name, options } of DRIVERS) {
  for (const where of ['in a handler', 'outside']) {
    test(`memory that is transferred away ${where} is ERR_CONNSCALE_LOOP_BROKEN, once [${name}]`, async () => {
      const args = [options.driver ?? '', options.descriptors ?? 'shared', where];
      expect(await runScriptForJson('failure/scripts/detached-memory.mjs', { args })).toEqual({
        uncaught: [{ name: 'ConnscaleError', code: 'ERR_CONNSCALE_LOOP_BROKEN' }],
        refused: {
          write: 'ERR_CONNSCALE_STALE_ID',
          connect: 'ERR_CONNSCALE_LOOP_CLOSED',
          listen: 'ERR_CONNSCALE_LOOP_CLOSED',
          stats: 'ERR_CONNSCALE_LOOP_CLOSED',
          isOpen: false,
          close: null,
        },
      });
    });
  }
}

for (const { name, options } of DRIVERS) {
  test(`a loop that breaks closes the connects whose names are being resolved, and nothing follows [${name}]`, async () => {
    const args = [options.driver ?? '', options.descriptors ?? 'shared'];
    expect(await runScriptForJson('failure/scripts/broken-while-resolving.mjs', { args })).toEqual({
      uncaught: ['ERR_CONNSCALE_LOOP_BROKEN'],
      closes: [
        ['found', 'ERR_CONNSCALE_LOOP_BROKEN', false],
        ['given-up', null, false],
        ['missing', 'ERR_CONNSCALE_LOOP_BROKEN', false],
      ],
    });
  });
}
