// The result for a person: one table per case, then the bars.
import Table from 'cli-table3';

import { allDisturbed } from './rounds.mjs';

const COLUMNS = {
  perSecond: { title: 'per second', digits: 0 },
  throughputRatio: { title: 'throughput / C', digits: 3 },
  cpuMicrosEach: { title: 'CPU µs each', digits: 2 },
  serverCpuMicrosEach: { title: 'server CPU µs each', digits: 2 },
  cpuRatio: { title: 'CPU / C', digits: 3 },
  serverBusy: { title: 'server core busy', digits: 2 },
  bytesPerConnection: { title: 'user bytes per idle connection', digits: 1 },
  netThroughputRatio: { title: 'throughput / node:net', digits: 3 },
  netCpuRatio: { title: 'CPU / node:net', digits: 3 },
  slowestMilliseconds: { title: 'slowest attempt ms', digits: 2 },
  lastToFirst: { title: 'rate of the last / of the first', digits: 2 },
  openedShare: { title: 'share opened', digits: 4 },
  synRetransmits: { title: 'SYNs sent again', digits: 0 },
  openSeconds: { title: 'opened in s', digits: 1 },
  closeSeconds: { title: 'closed in s', digits: 1 },
  userBytesPerSocket: { title: 'user bytes per socket', digits: 0 },
  kernelBytesPerSocket: { title: 'kernel bytes per socket', digits: 0 },
  cpuGrowthMillion: { title: 'CPU each at 1,000,000 / at 100,000', digits: 3 },
  censusSeconds: { title: 'census s', digits: 2 },
  stallMilliseconds: { title: 'longest stall meanwhile ms', digits: 1 },
  cpuGrowth: { title: 'CPU at 15,000 held / at 1,000', digits: 3 },
};

const number = (value, digits) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function cell(figure, digits) {
  if (figure === null) return 'unknown';
  const [median, min, max] = [figure.median, figure.min, figure.max].map((value) => number(value, digits));
  return min === max ? median : `${median} (${min} … ${max})`;
}

function passTable(pass, notes, role) {
  const figures = Object.keys(COLUMNS).filter((key) => Object.values(pass).some((row) => row[key]));
  const measured = Object.entries(pass).filter(([, row]) => figures.some((key) => row[key]));
  const table = new Table({
    head: [role, ...figures.map((key) => COLUMNS[key].title), 'failures'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }, // no lines between rows
    style: process.stdout.isTTY ? {} : { head: [], border: [] },
  });
  for (const [name, row] of measured) {
    table.push([name, ...figures.map((key) => cell(row[key], COLUMNS[key].digits)), row.failures || 'none']);
  }
  const footnotes = Object.entries(notes).map(([name, note]) => `  ${name}: ${note}`);
  return [table.toString(), ...footnotes].join('\n');
}

function warmHeading(rounds, once) {
  if (once) return 'once, cold';
  const disturbed = rounds.filter((round) => round.disturbed).length;
  if (allDisturbed(rounds)) return `warm: other processes disturbed all ${disturbed} rounds, do not rely on this`;
  const leftOut = disturbed === 0 ? '' : `; ${disturbed} more, disturbed by other processes, do not count`;
  return `warm: median (min … max) of ${rounds.length - disturbed} rounds${leftOut}`;
}

const EXTREMES = { min: 'smallest ', max: 'largest ' };

function barLine({ subject, figure, atLeast, atMost, of, value, met, reason }) {
  const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  const verdict = met === null ? `no verdict (${reason ?? 'not measured'})` : `${value.toFixed(3)} ${met ? 'met' : 'MISSED'}`;
  return `  ${subject}: ${EXTREMES[of] ?? ''}${COLUMNS[figure].title} ${bound}: ${verdict}`;
}

function caseReport(name, { description, result, bars }, role) {
  const lines = [`\n${name}: ${description}`];
  if (result.skipped) return [...lines, `  skipped: ${result.skipped}`].join('\n');
  if (result.cold) lines.push(`cold: the first time of each ${role}`, passTable(result.cold, {}, role));
  lines.push(warmHeading(result.rounds.warm, result.once), passTable(result.warm, result.notes, role));
  return [...lines, ...bars.map(barLine)].join('\n');
}

/** @param {string} role of what is compared: server or client */
export function report({ machine, cases }, role) {
  const { kernel, cores, cpuModel, memoryBytes, node, descriptorLimit, pinning } = machine;
  const memory = `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
  const pinned = pinning.reason ?? `each ${role} on CPU ${pinning.server}, the other end on CPU ${pinning.generator}`;
  const heading = `${kernel}, ${cores} cores (${cpuModel}), ${memory}, Node.js ${node}, ${descriptorLimit} descriptors; ${pinned}`;
  return [heading, ...Object.entries(cases).map(([name, entry]) => caseReport(name, entry, role))].join('\n');
}
