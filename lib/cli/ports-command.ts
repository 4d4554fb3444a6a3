// connscale ports

import type { Command } from 'commander';

import { ports, type PortUsageOptions } from '../system/index.js';
import { CommandError, ExitCode } from './command-error.js';
import type { PortsReport } from './ports-report.js';
import { printPortsSummary } from './ports-summary.js';
import { inSession } from './session.js';
import { resolveTarget } from './target.js';

interface PortsOptions {
  readonly source?: string;
  readonly destination?: string;
  readonly json?: true;
}

/** Source addresses that are looked at when none is named: those with the most sockets. */
const SOURCES_SHOWN = 8;

const HELP = `
For each source address: the ports in use, and how many more connections fit, when
the kernel chooses the port ("automatic") and when the program binds it with
SO_REUSEADDR ("explicit"). Without --source these are the addresses with the most
sockets; without --destination, the connections are to one that has none yet.

It shows the network namespace that it runs in, and needs no privilege.

Exit code: 0; 2 when the kernel does not say.`;

/** Adds `ports` to the program. */
export function addPortsCommand(program: Command): void {
  program
    .command('ports')
    .summary('show which ports are in use, and how many are left')
    .description('Shows the port range, the reserved ports, what is in use and what is left, by source address.')
    .option('--source <addresses>', 'local addresses, comma-separated (default: those with the most sockets)')
    .option('--destination <host:port>', 'where the connections would go (default: where none goes yet)')
    .option('--json', 'prints one JSON object on stdout, and nothing else there')
    .addHelpText('after', HELP)
    .action(showPorts);
}

async function showPorts(options: PortsOptions): Promise<void> {
  return inSession(async ({ terminal }) => {
    const report = await inspect(options);
    if (options.json) terminal.json(report);
    else printPortsSummary(report, terminal);
    return ExitCode.Done;
  });
}

async function inspect(options: PortsOptions): Promise<PortsReport> {
  const target =
    options.destination === undefined ? undefined : await resolveTarget(options.destination, '--destination');
  const destination = target === undefined ? undefined : { address: target.address, port: target.port };
  try {
    const census = await ports.census();
    const named = options.source?.split(',').map((word) => word.trim());
    const sources = named ?? usualSources(census.byAddress, target?.family);
    const usages = [];
    // One after the other: each is a walk through the table, and all of them are the same CPU's work.
    for (const source of sources) usages.push(await ports.usage(usageOptions(source, destination)));
    return {
      command: 'ports',
      range: ports.dynamicRange(),
      reserved: ports.reserved(),
      unprivilegedStart: ports.unprivilegedStart(),
      census,
      sources: usages,
    };
  } catch (error) {
    throw explained(error, options);
  }
}

function usageOptions(source: string, destination: PortUsageOptions['destination']): PortUsageOptions {
  return destination === undefined ? { source } : { source, destination };
}

/** The fullest addresses that a connection to this family can come from. */
function usualSources(byAddress: readonly { readonly address: string }[], family?: 'IPv4' | 'IPv6'): string[] {
  return byAddress
    .map(({ address }) => address)
    .filter((address) => address !== '0.0.0.0' && address !== '::')
    .filter((address) => family === undefined || address.includes(':') === (family === 'IPv6'))
    .slice(0, SOURCES_SHOWN);
}

/** What is wrong with --source is found by the library, under its own name for it. */
function explained(error: unknown, options: PortsOptions): unknown {
  if (error instanceof RangeError && options.source !== undefined) {
    const why = /family/.test(error.message) ? 'is not of the family of --destination' : 'is not a list of IP addresses';
    return new CommandError(`--source: '${options.source}' ${why}`);
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new CommandError(`the kernel does not list its sockets: ${code ?? ''} from ${syscall}`);
}
