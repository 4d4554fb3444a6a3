// npm run lint: clang-format, clang-tidy, eslint and tsc. With --fix, what can be corrected by a tool is.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { configure } from './lib/cmake.mjs';
import { filesBelow, root } from './lib/paths.mjs';
import { Failure, capture, main, run, runNode } from './lib/run.mjs';
import { findTool, leaveOut, reportLeftOut } from './lib/tools.mjs';

const fix = process.argv.includes('--fix');
const BUILD = 'build-native';
const failures = [];

/** Runs one linter; the others run even when it finds something. */
async function check(name, body) {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    failures.push(name);
  }
}

function checkFormat() {
  const tool = findTool('clang-format');
  if (tool === null) return leaveOut('clang-format', 'it is not installed');
  const files = [...filesBelow('native', ['.h', '.cc']), ...filesBelow('bench', ['.h', '.c'])];
  run(tool, [...(fix ? ['-i'] : ['--dry-run', '-Werror']), ...files]);
}

/** The files below native/ that the CMake build compiles. */
function compiledFiles() {
  const commands = JSON.parse(readFileSync(path.join(root, BUILD, 'compile_commands.json'), 'utf8'));
  const native = path.join(root, 'native') + path.sep;
  return [...new Set(commands.map((command) => command.file))].filter((file) => file.startsWith(native));
}

async function checkTidy() {
  const tool = findTool('clang-tidy');
  if (tool === null) return leaveOut('clang-tidy', 'it is not installed');
  const obstacle = configure(BUILD);
  if (obstacle !== null) leaveOut('clang-tidy of the native tests', obstacle);
  const queue = compiledFiles();
  const total = queue.length;
  console.log(`> clang-tidy on ${total} files`);
  // A header's findings are told once, not once for each file that includes it.
  const findings = new Set();
  let failed = 0;
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const { status, output } = await capture(tool, ['-p', BUILD, '--quiet', file]);
      if (status === 0) continue;
      failed++;
      for (const finding of output.split(/^(?=\S+:\d+:\d+: (?:error|warning):)/m)) findings.add(finding.trim());
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const finding of findings) console.error(finding);
  if (failed > 0) throw new Failure(`clang-tidy: ${failed} of ${total} files`);
}

function checkEslint() {
  runNode(['node_modules/eslint/bin/eslint.js', '--max-warnings=0', ...(fix ? ['--fix'] : []), '.']);
}

function checkTypes() {
  runNode(['node_modules/typescript/bin/tsc', '--noEmit']);
}

await main(async () => {
  await check('clang-format', checkFormat);
  await check('clang-tidy', checkTidy);
  await check('eslint', checkEslint);
  await check('tsc', checkTypes);
  if (failures.length > 0) throw new Failure(`lint: ${failures.join(', ')}`);
  console.log('lint: nothing to complain about');
});
reportLeftOut();
