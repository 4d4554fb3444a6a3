// `hold` for a person: the plan before, the summary after.

import { formatBytes, formatCount, formatMicros, formatSeconds, plural } from './format.js';
import type { HoldPlan } from './hold-plan.js';
import type { HoldReport } from './hold-report.js';
import { machineLine } from './machine.js';
import { Summary } from './summary.js';
import type { Terminal } from './terminal.js';

/** How the loops are laid out. */
function loopsText(plan: Pick<HoldPlan, 'driver' | 'acceptingLoops' | 'connectingLoops' | 'descriptors'>): string {
  const { acceptingLoops, connectingLoops } = plan;
  if (plan.driver === 'node') return acceptingLoops > 0 ? '1 loop for both ends' : '1 loop';
  const accepting = acceptingLoops > 0 ? `${formatCount(acceptingLoops)} accepting and ` : '';
  const tables = plan.descriptors === 'private' ? ', a descriptor table for each' : ', one descriptor table';
  return `${accepting}${plural(connectingLoops, 'connecting loop')}${tables}`;
}

/** What is about to happen. */
export function holdPlanText(
  plan: HoldPlan,
  { destination, sources, holdSeconds }: { destination: string; sources: string; holdSeconds: number },
): string {
  const lines = [
    `connscale hold: ${plural(plan.connections, 'connection')} ${destination}, held for ${holdSeconds} s`,
    `  ${loopsText(plan)}`,
    `  ${sources}`,
    `  this machine's ceiling: ${formatCount(plan.binding.connections)}, set by ${plan.binding.name}`,
  ];
  return lines.join('\n');
}

function perConnectionBytes(bytes: number | null): string {
  return bytes === null ? 'unknown' : `${formatCount(bytes)} B per connection`;
}

/** What happened. */
export function printHoldSummary(report: HoldReport, terminal: Terminal): void {
  const both = report.endsInThisProcess === 2;
  const cut = report.interrupted === null ? '' : `, cut short by ${report.interrupted}`;
  const held = report.connections - report.lost;
  const planned = held === report.connectionsPlanned ? '' : ` of ${formatCount(report.connectionsPlanned)}`;
  const summary = new Summary(
    terminal,
    `${formatCount(held)}${planned} connections held for ${formatSeconds(report.holdSeconds)}${cut}`,
  );
  const { connectionsPerSecond: rate, cpuMicrosPerConnection: cpu } = report;
  summary
    .row('opened in', formatSeconds(report.seconds), rate === null ? '' : `${formatCount(rate)} per second`)
    .row('closed in', formatSeconds(report.closeSeconds))
    .row(
      'CPU',
      cpu === null ? 'unknown' : `${formatMicros(cpu)} per connection`,
      both ? 'both ends, all threads, opening' : 'our end, all threads, opening',
    )
    .row(
      'memory',
      perConnectionBytes(report.userBytesPerConnection),
      report.userBytesPerConnectionReason ?? `in this process, ${both ? 'both ends' : 'our end'}`,
    )
    .row(
      '',
      perConnectionBytes(report.kernelBytesPerConnection),
      report.kernelBytesPerConnectionReason ?? kernelRemark(report),
    )
    .row('pings', pingsText(report))
    .row('loops', loopsText({ ...report.plan, descriptors: report.descriptors }))
    .failures(report.failures, report.gaveUp)
    .blank()
    .row('machine', machineLine(report.machine))
    .row('', limitsText(report))
    .print();
}

function pingsText({ pings }: HoldReport): string {
  return pings === null ? 'none (--ping-interval)' : `${formatCount(pings.sent)} sent, ${formatCount(pings.answered)} answered`;
}

function kernelRemark({ kernelBytesSource, endsOnThisMachine }: HoldReport): string {
  const ends = endsOnThisMachine === 2 ? 'both ends' : 'our end';
  return `in the kernel, ${ends}${kernelBytesSource === 'meminfo' ? ', roughly' : ''}`;
}

function limitsText({ machine: { limits } }: HoldReport): string {
  const descriptors = limits.descriptorsMax === null ? [] : [`ulimit -n ${formatCount(limits.descriptorsMax)}`];
  const memory = limits.memoryAvailableBytes === null ? [] : [`${formatBytes(limits.memoryAvailableBytes)} available`];
  const queue = limits.acceptQueueMax === null ? [] : [`somaxconn ${formatCount(limits.acceptQueueMax)}`];
  return [...descriptors, ...queue, ...memory].join(', ');
}
