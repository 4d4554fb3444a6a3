import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The prefix whose include/node holds the headers of the running Node, for node-gyp's --nodedir; null when there is
 * none and node-gyp has to download them.
 */
export function findNodePrefix() {
  const prefixes = [path.resolve(path.dirname(process.execPath), '..'), '/usr', '/usr/local'];
  return prefixes.find((prefix) => isOurs(path.join(prefix, 'include/node'))) ?? null;
}

function isOurs(folder) {
  const needed = ['node_version.h', 'node_api.h', 'common.gypi', 'config.gypi'];
  if (!needed.every((name) => existsSync(path.join(folder, name)))) return false;
  const text = readFileSync(path.join(folder, 'node_version.h'), 'utf8');
  const version = ['MAJOR', 'MINOR', 'PATCH'].map((part) => text.match(`#define NODE_${part}_VERSION (\\d+)`)?.[1]);
  return version.join('.') === process.versions.node;
}
