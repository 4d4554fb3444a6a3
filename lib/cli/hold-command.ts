// connscale hold

import { type Command, Option } from 'commander';

import { capabilities } from '../capabilities.js';
import type { AddressPool } from '../loop/address-pool.js';
import { LOOPS_MAX } from '../loop/loop-numbers.js';
import { readLimits, type Limits } from '../system/limits.js';
import type { Ends } from './ceilings.js';
import { CommandError, ExitCode } from './command-error.js';
import { formatCount, plural } from './format.js';
import { planHold, type HoldPlan } from './hold-plan.js';
import { holdReport } from './hold-report.js';
import { HoldRun, type HoldObserver, type HoldSettings } from './hold-run.js';
import { holdPlanText, printHoldSummary } from './hold-summary.js';
import type { Interruption } from './interruption.js';
import { describeMachine } from './machine.js';
import { integer, orAuto, seconds } from './option-values.js';
import type { Progress } from './progress.js';
import { inSession } from './session.js';
import { chooseSources } from './source-addresses.js';
import { resolveTarget, type Target } from './target.js';

interface HoldOptions {
  readonly connections?: number;
  readonly target?: string;
  readonly holdSeconds: number;
  readonly loops?: number;
  readonly descriptors: 'auto' | 'shared' | 'private';
  readonly source?: string;
  readonly rate?: number;
  readonly inFlight?: number;
  readonly timeout: number;
  readonly pingInterval?: number;
  readonly json?: true;
}

const CONNECTIONS_MAX = 100_000_000;
const HOLD_SECONDS_DEFAULT = 3;
const TIMEOUT_SECONDS_DEFAULT = 10; // three of the kernel's SYN retransmits: 1, 3 and 7 s
/** Connects under way at once: enough to keep every loop busy, far from the accept queue's end. */
const IN_FLIGHT_PER_LOOP = 256;
const IN_FLIGHT_MAX = 2_048;
/** A server elsewhere has one accept queue, of 128 in old defaults and 4,096 in new ones. */
const IN_FLIGHT_TARGET = 256;

const HELP = `
By default both ends are in this process, over loopback, and as many connections
are held as this machine safely can, at most 100,000. The plan goes to stderr
before it starts; what cannot fit is refused, with the name of the ceiling.

Ctrl-C closes everything and prints the summary so far; a second one ends at once.

Exit code: 0 all were held; 1 some failed; 2 refused; 130 or 143 cut short by
SIGINT or SIGTERM.`;

/** Adds `hold` to the program. */
export function addHoldCommand(program: Command): void {
  program
    .command('hold')
    .summary('hold many connections, and measure what one costs')
    .description('Opens connections, holds them, measures what one costs, and closes them again.')
    .option(
      '-n, --connections <number>',
      'how many (default: what this machine safely holds, at most 100,000)',
      orAuto(integer(1, CONNECTIONS_MAX)),
    )
    .option('-t, --target <host:port>', 'a server elsewhere; only the connecting side is here then')
    .option('--hold-seconds <seconds>', 'how long to hold them', seconds(0, 86_400), HOLD_SECONDS_DEFAULT)
    .option(
      '--loops <number>',
      'loops on each side, each on a thread (default: auto, as few as will do)',
      orAuto(integer(1, LOOPS_MAX)),
    )
    .addOption(
      new Option('--descriptors <whose>', 'one descriptor table, or one for each loop')
        .choices(['auto', 'shared', 'private'])
        .default('auto'),
    )
    .option(
      '--source <addresses>',
      'local addresses and IPv4 networks, comma-separated (default on loopback: a 127.x.0.0/16)',
    )
    .option('--rate <number>', 'connections to start per second (default: flat out)', integer(1, 10_000_000))
    .option(
      '--in-flight <number>',
      'connects under way at once (default: 256 for each loop, at most 2,048)',
      integer(1, 100_000),
    )
    .option('--timeout <seconds>', 'how long a connect may take', seconds(0.1, 3600), TIMEOUT_SECONDS_DEFAULT)
    .option(
      '--ping-interval <seconds>',
      'exchange a byte on every connection so often while holding (default: never)',
      seconds(0.1, 86_400),
    )
    .option('--json', 'prints one JSON object on stdout, and nothing else there')
    .addHelpText('after', HELP)
    .action(hold);
}

async function hold(options: HoldOptions): Promise<void> {
  return inSession(async ({ terminal, progress, interruption }) => {
    const limits = readLimits();
    const target = options.target === undefined ? undefined : await resolveTarget(options.target);
    const sources = chooseSources(options.source, target);
    const ends = endsOf(target);
    const plan = planFor(options, limits, ends, sources);
    terminal.note(describePlan(plan, options, sources));
    const run = openRun(settingsFor(options, plan, limits, target, sources), progress, interruption);
    const outcome = await run.run();
    progress.stop();
    const context = {
      machine: describeMachine(limits),
      interruption,
      ends,
      sources: sources === undefined ? 0 : plan.sources.used,
    };
    const report = holdReport(plan, outcome, context);
    if (options.json) terminal.json(report);
    else printHoldSummary(report, terminal);
    return interruption.exitCodeOr(outcome.failures.total > 0 ? ExitCode.Failures : ExitCode.Done);
  });
}

function endsOf(target: Target | undefined): Ends {
  if (target === undefined) return { here: 2, onThisMachine: 2 };
  return { here: 1, onThisMachine: target.isLoopback ? 2 : 1 };
}

function planFor(options: HoldOptions, limits: Limits, ends: Ends, sources: AddressPool | undefined): HoldPlan {
  const { connections, loops, descriptors } = options;
  return planHold(
    {
      connections,
      ends,
      loops,
      descriptors: descriptors === 'auto' ? undefined : descriptors,
      sources: sources?.count ?? 1,
    },
    { limits, canLeaveDescriptorTable: capabilities().privateDescriptors.supported },
  );
}

function describePlan(plan: HoldPlan, options: HoldOptions, sources: AddressPool | undefined): string {
  const from =
    sources === undefined
      ? 'source address chosen by the kernel'
      : `${plural(plan.sources.used, 'source address', 'source addresses')} from ${sources.at(0)}`;
  const destination = options.target === undefined ? 'over loopback, both ends here' : `to ${options.target}`;
  return holdPlanText(plan, { destination, sources: from, holdSeconds: options.holdSeconds });
}

function settingsFor(
  options: HoldOptions,
  plan: HoldPlan,
  limits: Limits,
  target: Target | undefined,
  sources: AddressPool | undefined,
): HoldSettings {
  const queue = limits.acceptQueueMax ?? IN_FLIGHT_PER_LOOP;
  const own = Math.min(IN_FLIGHT_MAX, plan.connectingLoops * Math.min(IN_FLIGHT_PER_LOOP, queue));
  return {
    plan,
    target,
    sources,
    holdSeconds: options.holdSeconds,
    connectTimeoutMs: Math.round(options.timeout * 1000),
    inFlight: options.inFlight ?? (target === undefined ? own : IN_FLIGHT_TARGET),
    ratePerSecond: options.rate,
    pingIntervalMs: options.pingInterval === undefined ? undefined : Math.round(options.pingInterval * 1000),
  };
}

function openRun(settings: HoldSettings, progress: Progress, interruption: Interruption): HoldRun {
  const observer: HoldObserver = {
    opening: (total, opened) => progress.startBar('opening', total, opened),
    holding: (holdSeconds, open) => {
      const endsAt = performance.now() + holdSeconds * 1000;
      progress.startLine(() => {
        const left = Math.max(0, (endsAt - performance.now()) / 1000);
        return `holding ${formatCount(open())} connections, ${left.toFixed(1)} s left`;
      });
    },
    closing: (total, closed) => progress.startBar('closing', total, closed),
  };
  try {
    return new HoldRun(settings, observer, interruption.signal);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new CommandError(
      `--loops: ${plural(settings.plan.loops, 'loop')} cannot be opened: ${code ?? ''} from ${syscall}`,
    );
  }
}
