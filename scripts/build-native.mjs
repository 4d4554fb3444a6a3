// Builds build/Release/connscale.node with node-gyp, incrementally. Nothing is downloaded when Node's headers are here.
import { findNodeGyp } from './lib/node-gyp.mjs';
import { findNodePrefix } from './lib/node-headers.mjs';
import { Failure, main, runNode } from './lib/run.mjs';
import { findTool, inCi } from './lib/tools.mjs';

const HOW_TO_INSTALL = [
  'Debian and Ubuntu: apt-get install g++ make python3',
  'Fedora: dnf install gcc-c++ make python3',
  'Alpine: apk add g++ make python3',
].join('\n  ');

const compiler = process.env.CXX ?? findTool('g++', 'clang++', 'c++');
const nodeGyp = findNodeGyp();

/** What a build from source needs and this machine lacks, in words. */
function missingTools() {
  const missing = [];
  if (compiler === null) missing.push('a C++20 compiler (g++ 10 or clang++ 12, or later)');
  if (findTool('make', 'gmake') === null) missing.push('make');
  if (findTool('python3', 'python') === null && !process.env.npm_config_python)
    missing.push('python3, which node-gyp needs');
  if (nodeGyp === null) missing.push('node-gyp, which comes with npm');
  return missing;
}

function environment() {
  const variables = { ...process.env, CXX: compiler };
  // A newer compiler's new warning must not break a user's install; in CI it must be seen.
  if (inCi) variables.GYP_DEFINES = `${process.env.GYP_DEFINES ?? ''} warnings_as_errors=1`;
  return variables;
}

await main(() => {
  const missing = missingTools();
  if (missing.length > 0) {
    const lines = missing.map((tool) => `  - ${tool}`).join('\n');
    throw new Failure(
      `@connscale/native must be built from source here, and this is missing:\n${lines}\n  ${HOW_TO_INSTALL}`,
    );
  }
  const args = [nodeGyp, 'configure', 'build', '--jobs=max', '--loglevel=warn'];
  const prefix = findNodePrefix();
  if (prefix !== null) args.push(`--nodedir=${prefix}`);
  runNode(args, { env: environment() });
});
