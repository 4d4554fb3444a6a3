// What `serve` prints when it ends.

import { perConnection, reportSeconds } from './figures.js';
import { formatBytes, formatCount, formatMicros, formatSeconds, plural } from './format.js';
import type { Interruption } from './interruption.js';
import { machineLine, type Machine } from './machine.js';
import type { ServeRun, ServeSettings } from './serve-run.js';
import { Summary } from './summary.js';
import type { Terminal } from './terminal.js';

/** `serve --json`. A figure that is null has its reason beside it. */
export interface ServeReport {
  readonly command: 'serve';
  readonly address: string;
  readonly port: number;
  readonly mode: ServeSettings['mode'];
  readonly driver: ServeSettings['driver'];
  readonly loops: number;
  readonly descriptors: ServeSettings['descriptors'];
  /** From listening until the signal. */
  readonly seconds: number;
  /** Connections accepted. */
  readonly connections: number;
  readonly connectionsPerSecond: number;
  /** CPU time of this process, user and system, in `seconds`, for each connection accepted. */
  readonly cpuMicrosPerConnection: number | null;
  readonly cpuMicrosPerConnectionReason: string | null;
  readonly openMax: number;
  /** Connections that were open when the signal came. */
  readonly openAtEnd: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Accepts that the kernel refused, for want of descriptors for instance; they were tried again. */
  readonly acceptFailures: number;
  /** Code → count, of connections that closed with an error. ECONNRESET: the peer reset it, as load generators do. */
  readonly closeErrors: Readonly<Record<string, number>>;
  readonly interrupted: 'SIGINT' | 'SIGTERM' | null;
  readonly machine: Machine;
}

/** Takes the counts as they are: before the connections that are still open are closed. */
export function serveReport(
  run: ServeRun,
  settings: ServeSettings,
  context: {
    readonly address: { readonly address: string; readonly port: number };
    readonly seconds: number;
    readonly cpuMicros: number;
    readonly machine: Machine;
    readonly interruption: Interruption;
  },
): ServeReport {
  const { accepted } = run;
  return {
    command: 'serve',
    address: context.address.address,
    port: context.address.port,
    mode: settings.mode,
    driver: settings.driver,
    loops: settings.loops,
    descriptors: settings.descriptors,
    seconds: reportSeconds(context.seconds),
    connections: accepted,
    connectionsPerSecond: Math.round(accepted / context.seconds),
    cpuMicrosPerConnection: perConnection(context.cpuMicros, accepted),
    cpuMicrosPerConnectionReason: accepted === 0 ? 'no connection was accepted' : null,
    openMax: run.openMax,
    openAtEnd: run.open,
    bytesReceived: run.bytesReceived,
    bytesSent: run.bytesSent,
    acceptFailures: run.acceptFailures,
    closeErrors: run.closeErrors.toJSON(),
    interrupted: context.interruption.name,
    machine: context.machine,
  };
}

/** The same for a person. */
export function printServeSummary(report: ServeReport, terminal: Terminal): void {
  const cpu = report.cpuMicrosPerConnection;
  const where = `on ${report.address} port ${report.port} (${report.mode})`;
  const summary = new Summary(
    terminal,
    `${plural(report.connections, 'connection')} served in ${formatSeconds(report.seconds)} ${where}`,
  );
  summary
    .row('rate', `${formatCount(report.connectionsPerSecond)} per second`, 'on average')
    .row('open', `${formatCount(report.openMax)} at most`, `${formatCount(report.openAtEnd)} at the end`)
    .row('received', formatBytes(report.bytesReceived))
    .row('sent', formatBytes(report.bytesSent))
    .row(
      'CPU',
      cpu === null ? 'unknown' : `${formatMicros(cpu)} per connection`,
      report.cpuMicrosPerConnectionReason ?? 'all threads',
    );
  if (report.acceptFailures > 0) {
    summary.row('accepting', `refused ${formatCount(report.acceptFailures)} times by the kernel`);
  }
  const errors = Object.values(report.closeErrors).reduce((sum, count) => sum + count, 0);
  summary
    .row('closed', errors === 0 ? 'in good order' : `${formatCount(errors)} with an error`)
    .codes(report.closeErrors);
  summary.blank().row('machine', machineLine(report.machine)).print();
}
