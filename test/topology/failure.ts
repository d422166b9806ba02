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

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
