// How long something took, as a distribution.

import { createHistogram } from 'node:perf_hooks';

const NANOS_PER_MS = 1e6;
const NANOS_PER_MICRO = 1e3;

/** In microseconds. */
export interface LatencyFigures {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Durations, kept in a histogram of three significant digits: memory does not grow with their number. */
export class Latency {
  readonly #histogram = createHistogram();

  /** Records a duration. */
  record(milliseconds: number): void {
    this.#histogram.record(Math.max(1, Math.round(milliseconds * NANOS_PER_MS)));
  }

  /** Null when nothing was recorded. */
  figures(): LatencyFigures | null {
    const histogram = this.#histogram;
    if (histogram.count === 0) return null;
    const micros = (nanos: number): number => Math.round(nanos / NANOS_PER_MICRO);
    return {
      count: histogram.count,
      mean: micros(histogram.mean),
      p50: micros(histogram.percentile(50)),
      p90: micros(histogram.percentile(90)),
      p99: micros(histogram.percentile(99)),
      p999: micros(histogram.percentile(99.9)),
      max: micros(histogram.max),
    };
  }
}
