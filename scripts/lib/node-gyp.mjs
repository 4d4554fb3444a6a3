import { existsSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';
import { read } from './run.mjs';

/** The path of node-gyp's script: npm tells it, or it lies in npm's own bundle. Null when there is none. */
export function findNodeGyp() {
  for (const file of candidates()) {
    if (file !== null && existsSync(file)) return file;
  }
  return null;
}

function* candidates() {
  const script = 'node_modules/node-gyp/bin/node-gyp.js';
  yield process.env.npm_config_node_gyp ?? null;
  yield path.join(root, script);
  if (process.env.npm_execpath) yield path.resolve(path.dirname(process.env.npm_execpath), '..', script);
  yield path.resolve(path.dirname(process.execPath), '../lib/node_modules/npm', script);
  const globalModules = read('npm', ['root', '-g']);
  if (globalModules !== null) yield path.join(globalModules, 'npm', script);
}
