// connscale churn

import { type Command, Option } from 'commander';

import { readLimits, type Limits } from '../system/limits.js';
import type { AddressPool } from '../loop/address-pool.js';
import { automaticPortsPerSource, sharedTableCeiling, type Ends } from './ceilings.js';
import { churnReport, printChurnSummary } from './churn-report.js';
import { ChurnRun, type ChurnSettings } from './churn-run.js';
import { CommandError, ExitCode } from './command-error.js';
import { formatBytes, formatCount, plural } from './format.js';
import { describeMachine } from './machine.js';
import { integer, seconds } from './option-values.js';
import { RATE_WINDOW, type Progress } from './progress.js';
import { Rate } from './rate.js';
import { inSession } from './session.js';
import { chooseSources } from './source-addresses.js';
import { resolveTarget, type Target } from './target.js';

interface ChurnOptions {
  readonly target?: string;
  readonly connections?: number;
  readonly seconds?: number;
  readonly concurrency: number;
  readonly echo: number;
  readonly close: 'reset' | 'end';
  readonly rate?: number;
  readonly source?: string;
  readonly timeout: number;
  readonly json?: true;
}

const CONCURRENCY_DEFAULT = 128;
const SECONDS_DEFAULT = 10;
const TIMEOUT_SECONDS_DEFAULT = 10;
const ECHO_BYTES_MAX = 1 << 20;
/** Whoever ends first keeps the port in TIME_WAIT for a minute: over so many addresses that is no matter. */
const SOURCES_FOR_END = 256;

const HELP = `
Each of --concurrency workers connects, sends --echo bytes and waits for them to
come back, closes, and starts again. Without --target the server is in this
process, over loopback. Without --connections and --seconds it runs for ${SECONDS_DEFAULT}
seconds; with both, until the first of them is reached.

Ctrl-C prints the summary so far; a second one ends at once.

Exit code: 0 none failed; 1 some failed; 2 refused; 130 or 143 cut short by
SIGINT or SIGTERM.`;

/** Adds `churn` to the program. */
export function addChurnCommand(program: Command): void {
  program
    .command('churn')
    .summary('connect and close, over and over, and measure how fast')
    .description('Connects, exchanges bytes if asked to, closes, and starts again: at a rate, or flat out.')
    .option('-t, --target <host:port>', 'a server elsewhere; with --echo it has to send back what it gets')
    .option('-n, --connections <number>', 'connections in all', integer(1, 1_000_000_000))
    .option('-s, --seconds <seconds>', 'how long', seconds(0.01, 86_400))
    .option('-c, --concurrency <number>', 'connections at once', integer(1, 1_000_000), CONCURRENCY_DEFAULT)
    .option('--echo <bytes>', 'bytes to send and to get back; 0: none', integer(0, ECHO_BYTES_MAX), 0)
    .addOption(
      new Option('--close <how>', 'reset (RST, nothing lingers) or end (FIN, as most programs do)')
        .choices(['reset', 'end'])
        .default('reset'),
    )
    .option('--rate <number>', 'connections to start per second (default: flat out)', integer(1, 10_000_000))
    .option(
      '--source <addresses>',
      'local addresses and IPv4 networks, comma-separated (default on loopback: a 127.x.0.0/16)',
    )
    .option(
      '--timeout <seconds>',
      'how long a connect or an answer may take',
      seconds(0.1, 3600),
      TIMEOUT_SECONDS_DEFAULT,
    )
    .option('--json', 'prints one JSON object on stdout, and nothing else there')
    .addHelpText('after', HELP)
    .action(churn);
}

async function churn(options: ChurnOptions): Promise<void> {
  return inSession(async ({ terminal, progress, interruption }) => {
    const limits = readLimits();
    const target = options.target === undefined ? undefined : await resolveTarget(options.target);
    checkConcurrency(options.concurrency, limits, { here: target === undefined ? 2 : 1, onThisMachine: 2 });
    const settings = settingsOf(options, limits, target);
    const run = new ChurnRun(settings, interruption.signal);
    terminal.note(describeRun(settings));
    draw(progress, run, settings);
    const outcome = await run.run();
    progress.stop();
    const report = churnReport(settings, outcome, { machine: describeMachine(limits), interruption });
    if (options.json) terminal.json(report);
    else printChurnSummary(report, terminal);
    return interruption.exitCodeOr(outcome.failures.total > 0 ? ExitCode.Failures : ExitCode.Done);
  });
}

function checkConcurrency(concurrency: number, limits: Limits, ends: Ends): void {
  const ceiling = sharedTableCeiling(limits, ends);
  if (concurrency <= ceiling.connections) return;
  throw new CommandError(
    `--concurrency: ${formatCount(concurrency)} do not fit: the ceiling is ${ceiling.name}, ` +
      `at ${formatCount(ceiling.connections)} (${ceiling.because})`,
  );
}

function settingsOf(options: ChurnOptions, limits: Limits, target: Target | undefined): ChurnSettings {
  const sources = chooseSources(options.source, target);
  const endless = options.connections === undefined && options.seconds === undefined;
  return {
    target,
    sources,
    sourcesUsed: sources === undefined ? 1 : sourcesUsed(options, limits, sources),
    connections: options.connections,
    seconds: endless ? SECONDS_DEFAULT : options.seconds,
    concurrency: options.concurrency,
    echoBytes: options.echo,
    close: options.close,
    ratePerSecond: options.rate,
    timeoutMs: Math.round(options.timeout * 1000),
  };
}

function sourcesUsed({ close, concurrency }: ChurnOptions, limits: Limits, sources: AddressPool): number {
  const atOnce = Math.ceil(concurrency / automaticPortsPerSource(limits));
  return Math.min(sources.count, close === 'end' ? Math.max(atOnce, SOURCES_FOR_END) : atOnce);
}

/** What is about to happen. */
function describeRun({ target, connections, seconds: limit, concurrency, echoBytes, close }: ChurnSettings): string {
  const destination =
    target === undefined ? 'over loopback, both ends here' : `to ${target.address} port ${target.port}`;
  const amount = connections === undefined ? `for ${String(limit)} s` : plural(connections, 'connection');
  const echo = echoBytes === 0 ? '' : `${formatBytes(echoBytes)} echo, `;
  return `connscale churn: ${amount} ${destination}, ${formatCount(concurrency)} at once (connect, ${echo}${close})`;
}

function draw(progress: Progress, run: ChurnRun, settings: ChurnSettings): void {
  const { connections, seconds: limit } = settings;
  if (connections !== undefined) {
    progress.startBar('churning', connections, () => run.completed);
    return;
  }
  const rate = new Rate(RATE_WINDOW);
  const endsAt = performance.now() + (limit ?? 0) * 1000;
  progress.startLine(() => {
    const left = Math.max(0, (endsAt - performance.now()) / 1000);
    const { completed } = run;
    return `${formatCount(completed)} connections, ${formatCount(rate.update(completed))}/s, ${left.toFixed(1)} s left`;
  });
}
