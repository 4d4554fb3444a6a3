// The result for a person: one table per case, then the bars.
import Table from 'cli-table3';

import { allDisturbed } from './rounds.mjs';

const COLUMNS = {
  perSecond: { title: 'per second', digits: 0 },
  throughputRatio: { title: 'throughput / C', digits: 3 },
  serverCpuMicrosEach: { title: 'server CPU µs each', digits: 2 },
  cpuRatio: { title: 'CPU / C', digits: 3 },
  serverBusy: { title: 'server core busy', digits: 2 },
  bytesPerConnection: { title: 'user bytes per idle connection', digits: 1 },
  cpuGrowth: { title: 'CPU at 15,000 held / at 1,000', digits: 3 },
};

const number = (value, digits) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });

function cell(figure, digits) {
  if (figure === null) return 'unknown';
  const [median, min, max] = [figure.median, figure.min, figure.max].map((value) => number(value, digits));
  return min === max ? median : `${median} (${min} … ${max})`;
}

function passTable(pass, notes) {
  const figures = Object.keys(COLUMNS).filter((key) => Object.values(pass).some((row) => key in row));
  const measured = Object.entries(pass).filter(([, row]) => figures.some((key) => row[key]));
  const table = new Table({
    head: ['server', ...figures.map((key) => COLUMNS[key].title), 'failures'],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }, // no lines between rows
    style: process.stdout.isTTY ? {} : { head: [], border: [] },
  });
  for (const [name, row] of measured) {
    table.push([name, ...figures.map((key) => cell(row[key], COLUMNS[key].digits)), row.failures || 'none']);
  }
  const footnotes = Object.entries(notes).map(([name, note]) => `  ${name}: ${note}`);
  return [table.toString(), ...footnotes].join('\n');
}

function warmHeading(rounds) {
  const disturbed = rounds.filter((round) => round.disturbed).length;
  if (allDisturbed(rounds)) return `warm: other processes disturbed all ${disturbed} rounds, do not rely on this`;
  const leftOut = disturbed === 0 ? '' : `; ${disturbed} more, disturbed by other processes, do not count`;
  return `warm: median (min … max) of ${rounds.length - disturbed} rounds${leftOut}`;
}

function barLine({ server, figure, atLeast, atMost, value, met, reason }) {
  const bound = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
  const verdict = met === null ? `no verdict (${reason ?? 'not measured'})` : `${value.toFixed(3)} ${met ? 'met' : 'MISSED'}`;
  return `  ${server}: ${COLUMNS[figure].title} ${bound}: ${verdict}`;
}

function caseReport(name, { description, result, bars }) {
  const lines = [`\n${name}: ${description}`];
  if (result.skipped) return [...lines, `  skipped: ${result.skipped}`].join('\n');
  if (result.cold) lines.push('cold: the first load of each server', passTable(result.cold, {}));
  lines.push(warmHeading(result.rounds.warm), passTable(result.warm, result.notes));
  return [...lines, ...bars.map(barLine)].join('\n');
}

export function report({ machine, cases }) {
  const { kernel, cores, cpuModel, memoryBytes, node, descriptorLimit, pinning } = machine;
  const memory = `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
  const pinned = pinning.reason ?? `server on CPU ${pinning.server}, generator on CPU ${pinning.generator}`;
  const heading = `${kernel}, ${cores} cores (${cpuModel}), ${memory}, Node.js ${node}, ${descriptorLimit} descriptors; ${pinned}`;
  return [heading, ...Object.entries(cases).map(([name, entry]) => caseReport(name, entry))].join('\n');
}
