// A full garbage collection, for figures that are about what lives.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Collects all garbage of this thread now. V8 gives the pages back to the kernel a little later, in the background. */
export function collectGarbage(): void {
  if (collect === undefined) {
    // The flag adds gc() to contexts that are made after it: the command needs no flag of its own on the command line.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
