// What `churn` prints.

import type { ChurnOutcome, ChurnSettings } from './churn-run.js';
import { perConnection, perSecond, reportSeconds } from './figures.js';
import { formatBytes, formatCount, formatMicros, formatSeconds } from './format.js';
import type { Interruption } from './interruption.js';
import type { LatencyFigures } from './latency.js';
import { machineLine, type Machine } from './machine.js';
import { Summary } from './summary.js';
import type { Terminal } from './terminal.js';

/** `churn --json`. A figure that is null has its reason beside it. */
export interface ChurnReport {
  readonly command: 'churn';
  /** Connections that were connected, did their echo if there was one, and closed. */
  readonly connections: number;
  /** From the first connect to the last close. */
  readonly seconds: number;
  readonly connectionsPerSecond: number | null;
  readonly connectionsPerSecondReason: string | null;
  /** CPU time of this process, user and system: for both ends of a connection if both are here. */
  readonly cpuMicrosPerConnection: number | null;
  readonly cpuMicrosPerConnectionReason: string | null;
  readonly endsInThisProcess: 1 | 2;
  readonly concurrency: number;
  readonly echoBytes: number;
  readonly close: 'reset' | 'end';
  /** The rate that was asked for; null: flat out. */
  readonly rateAsked: number | null;
  /** From connect() to established, in microseconds. */
  readonly connectMicros: LatencyFigures | null;
  readonly connectMicrosReason: string | null;
  /** From the write to the last byte back, in microseconds. */
  readonly echoMicros: LatencyFigures | null;
  readonly echoMicrosReason: string | null;
  /** Connections that were under way when the run ended. */
  readonly unfinished: number;
  /** Whether it ended early, after 1,000 failures in a row. */
  readonly gaveUp: boolean;
  /** Code → count, of connections that ended before they had done all. */
  readonly failures: Readonly<Record<string, number>>;
  readonly interrupted: 'SIGINT' | 'SIGTERM' | null;
  readonly machine: Machine;
}

export function churnReport(
  settings: ChurnSettings,
  outcome: ChurnOutcome,
  { machine, interruption }: { readonly machine: Machine; readonly interruption: Interruption },
): ChurnReport {
  const { connections, seconds } = outcome;
  const connect = outcome.connectLatency.figures();
  const echo = outcome.echoLatency.figures();
  const none = 'no connection came that far';
  return {
    command: 'churn',
    connections,
    seconds: reportSeconds(seconds),
    connectionsPerSecond: perSecond(connections, seconds),
    connectionsPerSecondReason: connections === 0 ? none : null,
    cpuMicrosPerConnection: perConnection(outcome.cpuMicros, connections),
    cpuMicrosPerConnectionReason: connections === 0 ? none : null,
    endsInThisProcess: settings.target === undefined ? 2 : 1,
    concurrency: settings.concurrency,
    echoBytes: settings.echoBytes,
    close: settings.close,
    rateAsked: settings.ratePerSecond ?? null,
    connectMicros: connect,
    connectMicrosReason: connect === null ? none : null,
    echoMicros: echo,
    echoMicrosReason: echo !== null ? null : settings.echoBytes === 0 ? 'there was no echo: give --echo' : none,
    unfinished: outcome.unfinished,
    gaveUp: outcome.gaveUp,
    failures: outcome.failures.toJSON(),
    interrupted: interruption.name,
    machine,
  };
}

function percentiles(figures: LatencyFigures): string {
  const { p50, p90, p99, p999, max } = figures;
  return [
    ['p50', p50],
    ['p90', p90],
    ['p99', p99],
    ['p99.9', p999],
    ['max', max],
  ]
    .map(([name, micros]) => `${String(name)} ${formatMicros(Number(micros))}`)
    .join('  ');
}

/** The same for a person. */
export function printChurnSummary(report: ChurnReport, terminal: Terminal): void {
  const done = [...(report.echoBytes === 0 ? [] : [`${formatBytes(report.echoBytes)} echo`]), report.close].join(', ');
  const cut = report.interrupted === null ? '' : `, cut short by ${report.interrupted}`;
  const { connectionsPerSecond: rate, cpuMicrosPerConnection: cpu } = report;
  const summary = new Summary(
    terminal,
    `${formatCount(report.connections)} connections in ${formatSeconds(report.seconds)} (connect, ${done})${cut}`,
  );
  const asked = report.rateAsked === null ? 'flat out' : `${formatCount(report.rateAsked)} were asked for`;
  summary
    .row(
      'rate',
      rate === null ? 'unknown' : `${formatCount(rate)} per second`,
      `${asked}, ${formatCount(report.concurrency)} at once`,
    )
    .row(
      'CPU',
      cpu === null ? 'unknown' : `${formatMicros(cpu)} per connection`,
      report.endsInThisProcess === 2 ? 'both ends' : 'our end',
    );
  if (report.connectMicros !== null) summary.row('connect', percentiles(report.connectMicros));
  if (report.echoMicros !== null) summary.row('echo', percentiles(report.echoMicros));
  if (report.unfinished > 0) summary.row('unfinished', formatCount(report.unfinished), 'under way when the run ended');
  summary.failures(report.failures, report.gaveUp).blank().row('machine', machineLine(report.machine)).print();
}
