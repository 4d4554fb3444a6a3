// npm run bench -- <suite> [options]
import { Command, InvalidArgumentError } from 'commander';

import { accept } from './cases/accept.mjs';
import { connect } from './cases/connect.mjs';
import { describeMachine } from './lib/machine.mjs';
import { report } from './lib/report.mjs';
import { judge } from './lib/verdict.mjs';

const SUITES = { accept, connect };
const BASELINE = 'c';

function positive(text) {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0');
  return value;
}

function positiveInteger(text) {
  if (!Number.isInteger(positive(text))) throw new InvalidArgumentError('a whole number');
  return Number(text);
}

const someOf = (names) => (text) => {
  const chosen = text.split(',');
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`no "${unknown}" among ${names.join(', ')}`);
  return [...new Set(chosen)];
};

function progressOn(stream, caseName) {
  if (!stream.isTTY) return () => {};
  return (round) => stream.write(`\r\x1b[K${caseName}: round ${round}`);
}

async function runSuite(suite, options) {
  const machine = describeMachine();
  const cases = {};
  for (const name of options.cases) {
    const { description, run, bars, subject } = suite.cases[name];
    const result = await run({ options, machine, progress: progressOn(process.stderr, name) });
    cases[name] = { description, result, bars: judge(bars, result, subject) };
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return { machine, options, cases };
}

/** The compared are `--servers` or `--clients`; options by that name. */
function addSuite(program, name, suite) {
  const caseNames = Object.keys(suite.cases);
  const { role, names, byDefault } = suite.compared;
  const compared = `${role}s`;
  const command = program
    .command(name)
    .description(suite.description)
    .option('--cases <names>', `some of ${caseNames.join(',')}`, someOf(caseNames), caseNames)
    .option(`--${compared} <names>`, `some of ${names.join(',')}`, someOf(names), byDefault)
    .option('--rounds <number>', 'warm rounds; one cold round comes before them', positiveInteger, 5)
    .option('--scale <factor>', 'times the connections and messages of a case', positive, 1)
    .option('--json', 'one JSON object with every raw round', false)
    .action(async (options) => {
      const chosen = [...new Set([BASELINE, ...options[compared]])];
      const result = await runSuite(suite, { ...options, [compared]: chosen });
      console.log(options.json ? JSON.stringify({ suite: name, ...result }) : report(result, role));
    });
  for (const option of suite.options ?? []) command.addOption(option);
}

const program = new Command('bench').description('Measures this package against bare C programs in the same run.');
for (const [name, suite] of Object.entries(SUITES)) addSuite(program, name, suite);
try {
  await program.parseAsync();
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
}
