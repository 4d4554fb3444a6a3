// The machine a result belongs to, and what it allows the bench to do.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';

function readNumber(path) {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch {
    return null; // this kernel or container does not show it
  }
}

function automaticPorts() {
  try {
    return readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  } catch {
    return null;
  }
}

function hardDescriptorLimit() {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return hard === 'unlimited' ? Infinity : Number(hard);
}

function allowedCpus() {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** One core for the server, another for the load generator; no pinning where that cannot be had. */
function choosePinning() {
  const [server, generator] = allowedCpus();
  if (generator === undefined) return { server: null, generator: null, reason: 'fewer than two CPUs' };
  if (spawnSync('taskset', ['-V']).error) return { server: null, generator: null, reason: 'taskset is not installed' };
  return { server, generator };
}

export function describeMachine() {
  const cpus = os.cpus();
  return {
    kernel: `${os.type()} ${os.release()}`,
    architecture: os.arch(),
    cores: os.availableParallelism(),
    cpuModel: cpus[0]?.model ?? null,
    memoryBytes: os.totalmem(),
    node: process.version,
    descriptorLimit: hardDescriptorLimit(),
    acceptQueueLimit: readNumber('/proc/sys/net/core/somaxconn'),
    automaticPorts: automaticPorts(),
    pinning: choosePinning(),
  };
}
