// Failures by the names of their codes.
import { getSystemErrorName } from 'node:util';

const isNumber = (code) => /^\d+$/.test(code);

/** C programs report errno, JavaScript the name. */
export const nameFailures = (byCode) =>
  Object.fromEntries(
    Object.entries(byCode).map(([code, count]) => [isNumber(code) ? getSystemErrorName(-code) : code, count]),
  );
