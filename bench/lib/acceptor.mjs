// The other end of all connecting clients: a C program that accepts and holds, on a CPU of its own.
import { compileAcceptor } from './baseline.mjs';
import { LineProcess } from './line-process.mjs';

export async function startAcceptor(threads, cpu) {
  const process = new LineProcess([compileAcceptor(), String(threads)], cpu);
  const { port } = await process.readJson();
  const ask = (line) => {
    process.send(line);
    return process.readJson();
  };
  return {
    port,
    pid: process.pid,
    /** From now on it does not sleep. */
    accept: () => ask('accept'),
    /** Takes what is in its queues and sleeps; returns how many connections it holds. */
    rest: async () => (await ask('rest')).held,
    /** Closes all its ends. */
    drop: () => ask('drop'),
    end: () => process.end(),
  };
}
