// Names that node:dns does not resolve: the test does.
import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished } from './runner.js';

/** Answers look-ups with these addresses, one after the other, until the test ends. Returns the names asked for. */
export function answerLookups(addresses: readonly string[]): string[] {
  const asked: string[] = [];
  const { lookup } = dns;
  const replace = (by: unknown): void => {
    Object.assign(dns, { lookup: by });
    syncBuiltinESMExports();
  };
  onTestFinished(() => {
    replace(lookup);
  });
  replace((name: string) => {
    const address = addresses[asked.push(name) - 1];
    return address === undefined ? Promise.reject(new Error(`asked for ${name}`)) : Promise.resolve({ address, family: 4 });
  });
  return asked;
}
