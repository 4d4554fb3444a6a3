// `ports` for a person.

import type { PortInterval } from '../system/index.js';
import { formatCount, plural } from './format.js';
import type { PortsReport } from './ports-report.js';
import { Summary } from './summary.js';
import type { Terminal } from './terminal.js';

function intervalText({ low, high }: PortInterval): string {
  return low === high ? String(low) : `${low} to ${high}`;
}

function reservedText(intervals: readonly PortInterval[]): string {
  const shown = intervals.slice(0, 4).map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`));
  return intervals.length > shown.length ? `${shown.join(', ')}, …` : shown.join(', ');
}

/** `2,165 TIME_WAIT, 2 ESTABLISHED`: what there is, most first. */
function statesText(byState: Readonly<Record<string, number | null>>): string {
  const some = Object.entries(byState).filter((each): each is [string, number] => each[1] !== null && each[1] > 0);
  return some
    .sort((a, b) => b[1] - a[1])
    .map(([state, count]) => `${formatCount(count)} ${state}`)
    .join(', ');
}

function namespaceText({ inode, reason }: PortsReport['census']['networkNamespace']): string {
  return inode === null ? `network namespace unknown (${reason ?? ''})` : `network namespace ${inode}`;
}

function destinationText({ sources }: PortsReport): string {
  const to = sources[0]?.to;
  return to === undefined || to === null ? 'a destination that has none yet' : `${to.address ?? ''} port ${to.port ?? 0}`;
}

function addSource(summary: Summary, usage: PortsReport['sources'][number]): void {
  const { automatic, explicit } = usage;
  summary
    .blank()
    .row(usage.from ?? 'any', plural(usage.inUse, 'socket'), statesText(usage.byState))
    .row('automatic', `${formatCount(automatic.connections)} more`, `of ${plural(automatic.size, 'port')}, at most`)
    .row('explicit', `${formatCount(explicit.connections)} more`, explicitText(explicit));
}

function explicitText({ size, shared }: PortsReport['sources'][number]['explicit']): string {
  const some = shared > 0 ? `; ${formatCount(shared)} of them shared with other destinations` : '';
  return `of ${plural(size, 'port')}${some}`;
}

/** Prints the report. */
export function printPortsSummary(report: PortsReport, terminal: Terminal): void {
  const { range, reserved, unprivilegedStart, census } = report;
  const headline = `${plural(census.sockets, 'TCP socket')} in ${namespaceText(census.networkNamespace)}`;
  const summary = new Summary(terminal, headline)
    .row('automatic', intervalText(range), `${plural(range.size, 'port')}, net.ipv4.ip_local_port_range`)
    .row('reserved', reserved.size === 0 ? 'none' : plural(reserved.size, 'port'), reservedText(reserved.intervals))
    .row('explicit', `${unprivilegedStart.port} to 65535`, 'without privilege, net.ipv4.ip_unprivileged_port_start')
    .row('in use', statesText(census.byState) || 'none');
  if (census.boundReason !== undefined) summary.row('', 'BOUND unknown', census.boundReason);
  summary.row('addresses', addressesText(report));
  if (report.sources.length > 0) summary.blank().row('left', `from each source, to ${destinationText(report)}`);
  for (const usage of report.sources) addSource(summary, usage);
  summary.print();
}

function addressesText({ census, sources }: PortsReport): string {
  const known = census.otherAddresses === null ? null : census.byAddress.length + census.otherAddresses;
  const count = known === null ? 'very many' : formatCount(known);
  return `${count} local, ${formatCount(sources.length)} shown`;
}
