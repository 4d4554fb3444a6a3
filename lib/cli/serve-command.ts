// connscale serve

import { writeFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';

import { type Command, Option } from 'commander';

import type { SocketAddress } from '../loop/listener.js';
import { LOOPS_MAX } from '../loop/loop-numbers.js';
import { readLimits } from '../system/limits.js';
import { CommandError, ExitCode } from './command-error.js';
import { formatBytes, formatCount, plural } from './format.js';
import { describeMachine } from './machine.js';
import { integer } from './option-values.js';
import { RATE_WINDOW } from './progress.js';
import { Rate } from './rate.js';
import { printServeSummary, serveReport } from './serve-report.js';
import { SERVE_MODES, ServeRun, type ServeMode, type ServeSettings } from './serve-run.js';
import { inSession, type Session } from './session.js';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly mode: ServeMode;
  readonly loops: number;
  readonly driver?: 'node' | 'thread';
  readonly descriptors: 'shared' | 'private';
  readonly portFile?: string;
  readonly json?: true;
}

const PORT_DEFAULT = 7000;

const HELP = `
Where it listens goes to stderr: "listening on 127.0.0.1 port 7000". With
--port 0 the kernel chooses the port; --port-file leaves its number where a
script finds it.

Modes: echo sends everything back; discard reads and drops; hold is for
connections that stay idle (what comes all the same is dropped). When a peer ends
its side, ours is ended too.

Ctrl-C is how it ends: connections are closed and the summary is printed; a
second one ends at once.

Exit code: 0 after Ctrl-C or SIGTERM; 2 when it cannot listen.`;

/** Adds `serve` to the program. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .summary('serve connections: echo, discard or hold')
    .description('Accepts connections on a port until Ctrl-C, then prints what it served.')
    .option('--host <address>', 'address or name to listen on; 0.0.0.0 or :: for every network', '127.0.0.1')
    .option('-p, --port <number>', 'port; 0: the kernel chooses', integer(0, 65_535), PORT_DEFAULT)
    .addOption(new Option('-m, --mode <mode>', 'what happens to what peers send').choices(SERVE_MODES).default('echo'))
    .option('--loops <number>', 'loops, each on a thread of its own if more than one', integer(1, LOOPS_MAX), 1)
    .addOption(
      new Option('--driver <driver>', 'who runs the loop (default: node for one loop, thread for more)').choices([
        'node',
        'thread',
      ]),
    )
    .addOption(
      new Option('--descriptors <whose>', 'one descriptor table, or one for each loop')
        .choices(['shared', 'private'])
        .default('shared'),
    )
    .option('--port-file <path>', 'writes the port there once it listens')
    .option('--json', 'prints one JSON object on stdout when it ends, and nothing else there')
    .addHelpText('after', HELP)
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  return inSession(async (session) => {
    const settings = settingsOf(options);
    const limits = readLimits();
    const run = openRun(settings);
    try {
      const address = await listen(run, options);
      session.terminal.note(
        `connscale serve: listening on ${address.address} port ${address.port} (${describe(settings)})`,
      );
      const { seconds, cpuMicros } = await untilSignal(run, session);
      const context = {
        address,
        seconds,
        cpuMicros,
        machine: describeMachine(limits),
        interruption: session.interruption,
      };
      const report = serveReport(run, settings, context);
      await run.close();
      if (options.json) session.terminal.json(report);
      else printServeSummary(report, session.terminal);
      return ExitCode.Done;
    } finally {
      await run.close();
    }
  });
}

function settingsOf({ host, port, mode, loops, driver, descriptors }: ServeOptions): ServeSettings {
  const needsThreads = loops > 1 || descriptors === 'private';
  if (driver === 'node' && needsThreads) {
    throw new CommandError('--driver node: one loop with shared descriptors only; use --driver thread');
  }
  return { host, port, mode, loops, driver: driver ?? (needsThreads ? 'thread' : 'node'), descriptors };
}

function describe({ mode, loops, driver, descriptors }: ServeSettings): string {
  return `${mode}; ${plural(loops, 'loop')}, driver ${driver}, ${descriptors} descriptors`;
}

function openRun(settings: ServeSettings): ServeRun {
  try {
    return new ServeRun(settings);
  } catch (error) {
    throw withOption('--loops', settings.loops, error);
  }
}

async function listen(run: ServeRun, { host, port, portFile }: ServeOptions): Promise<SocketAddress> {
  const address = await run.listen().catch((error: unknown) => {
    const { syscall, code } = error as NodeJS.ErrnoException;
    const aboutHost = syscall === 'getaddrinfo' || code === 'EADDRNOTAVAIL' || (code === 'EINVAL' && isIPv6(host));
    throw aboutHost ? withOption('--host', host, error) : withOption('--port', port, error);
  });
  if (portFile !== undefined) {
    try {
      writeFileSync(portFile, `${String(address.port)}\n`);
    } catch (error) {
      throw withOption('--port-file', portFile, error);
    }
  }
  return address;
}

const REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'ports below 1,024 need privileges',
  EADDRINUSE: 'something listens there already',
  EADDRNOTAVAIL: 'not an address of this machine',
  EAGAIN: 'no more threads',
  EMFILE: 'out of descriptors: raise "ulimit -n"',
  ENOTFOUND: 'the name does not resolve',
};

/** What the system refused, with the option that asked for it. */
function withOption(option: string, value: string | number, error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  const words = REFUSALS[code];
  return new CommandError(`${option} ${value}: ${code} from ${syscall}${words === undefined ? '' : ` (${words})`}`);
}

/** Serves until a signal comes. */
async function untilSignal(
  run: ServeRun,
  { progress, interruption }: Session,
): Promise<{ seconds: number; cpuMicros: number }> {
  const accepting = new Rate(RATE_WINDOW);
  const receiving = new Rate(RATE_WINDOW);
  progress.startLine(() => {
    const perSecond = formatCount(accepting.update(run.accepted));
    const bytes = formatBytes(receiving.update(run.bytesReceived));
    return `${formatCount(run.open)} open, ${formatCount(run.accepted)} accepted, ${perSecond}/s, receiving ${bytes}/s`;
  });
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await new Promise<void>((resolve) => {
    if (interruption.signal.aborted) resolve();
    else interruption.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  progress.stop();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { seconds: (performance.now() - startedAt) / 1000, cpuMicros: user + system };
}
