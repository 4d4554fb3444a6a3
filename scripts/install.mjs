// npm's install step: takes the prebuilt binary that loads on this machine, or builds one from source.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './lib/paths.mjs';
import { main, runNode } from './lib/run.mjs';

const fromSource = process.env.npm_config_build_from_source;
const sourceIsWanted = fromSource === 'true' || fromSource === '' || fromSource === '@connscale/native';

/** Whether this package carries binaries at all: a checkout does not. */
function hasPrebuilds() {
  const folder = path.join(root, 'prebuilds');
  return existsSync(folder) && readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory());
}

/** Loads the prebuilt binary in a process of its own, by node-gyp-build's rules; returns the reason when it cannot. */
function reasonNotLoadable() {
  const script = `require('node-gyp-build')(${JSON.stringify(root)})`;
  const environment = { ...process.env, PREBUILDS_ONLY: '1' };
  const result = spawnSync(process.execPath, ['-e', script], { cwd: root, env: environment, encoding: 'utf8' });
  if (result.status === 0) return null;
  return (
    result.stderr.match(/^\w*Error: .*$/m)?.[0] ??
    result.error?.message ??
    `it ended with ${result.signal ?? result.status}`
  );
}

await main(() => {
  if (!sourceIsWanted && hasPrebuilds()) {
    const reason = reasonNotLoadable();
    if (reason === null) return;
    console.log(`@connscale/native: no prebuilt binary loads here (${reason}); building from source.`);
  }
  runNode([path.join(root, 'scripts/build-native.mjs')]);
});
