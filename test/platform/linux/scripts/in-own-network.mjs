// A network namespace that nobody else is in, for a script that starts itself again inside of it.
import { execFileSync, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

const NAMESPACE = '/proc/self/ns/net';

/** Whether the script runs in a namespace of its own, not in the one that it was started in. */
export function isInside() {
  return process.env.OUTER_NAMESPACE !== undefined && readlinkSync(NAMESPACE) !== process.env.OUTER_NAMESPACE;
}

/** Runs the script again in a namespace of its own, as root or where others may make user namespaces; what it printed. */
function runInside() {
  const env = { ...process.env, OUTER_NAMESPACE: readlinkSync(NAMESPACE) };
  for (const flags of ['-n', '-rn']) {
    const command = [flags, process.execPath, ...process.argv.slice(1)];
    const { status, stdout, stderr } = spawnSync('unshare', command, { env, encoding: 'utf8' });
    if (status === 0) return stdout;
    process.stderr.write(stderr ?? 'unshare(1) is missing\n');
  }
  throw new Error('no network namespace can be made here');
}

/** Prints what `inspect` returns, as JSON, from inside a namespace whose loopback interface is up. */
export async function inOwnNetwork(inspect) {
  if (process.env.OUTER_NAMESPACE === undefined) {
    console.log(runInside());
    return;
  }
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  console.log(JSON.stringify(await inspect()));
}
