import {RtopoError} from '../../src/errors.js';
import {parseTopology, type TopologySource} from '../../src/topology/parse.js';

/** The error of a file that must be refused. */
export function failureOf(text: string, file = 'r'): RtopoError {
  return thrownBy(() => parseTopology(text, file, '/etc/rtopo'), text.slice(0, 200));
}

/** The RtopoError that `fn` must throw. */
export function thrownBy(fn: () => unknown, what = 'this'): RtopoError {
  try {
    fn();
  } catch (error) {
    if (error instanceof RtopoError) {
      return error;
    }
    throw error;
  }
  throw new Error(`accepted, although it must be refused: ${what}`);
}

/** The same for promises. */
export async function rejectionOf(promise: Promise<unknown>): Promise<RtopoError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RtopoError) {
      return error;
    }
    throw error;
  }
  throw new Error('resolved, although it must be refused');
}

/** A file that must be accepted. uvu cannot print an error that has `details`, so a refusal becomes a plain error. */
export function accepted(...args: Parameters<typeof parseTopology>): TopologySource {
  return plainly(() => parseTopology(...args));
}

export function plainly<T>(fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw error instanceof RtopoError ? new Error(`refused: ${error.message}`) : error;
  }
}
