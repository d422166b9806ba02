/** The kinds of values that a topology file is made of. How messages are worded: see `schema.ts`. */
import * as v from 'valibot';
import {ADDRESS_PATTERN, type AddressReading, readAddress, readTcpAddress, TCP_PATTERN} from './address.js';

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const PATH = /^[^~\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$/;
/** Control characters are kept out of everything that may reach a server, a shell or a terminal. */
export const NO_CONTROL = /^[^\u0000-\u001f\u007f-\u009f]+$/;

export function name(what: string) {
  return v.pipe(
    v.string('must be a name in text'),
    v.regex(NAME, (issue) => {
      const mended = mendedName(String(issue.input));
      const advice = mended === null ? '' : `; "${mended}" would do`;
      return `a name is 1 to 63 of a-z, 0-9, "_" and "-", and begins with a letter or digit${advice}`;
    }),
    v.description(what),
  );
}

/** The nearest name that the rules allow, or null when nothing is left of it. */
export function mendedName(text: string): string | null {
  const plain = text.slice(0, 200).normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const mended = plain
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return NAME.test(mended) ? mended : null;
}

export function address(what: string) {
  return addressBy(readAddress, ADDRESS_PATTERN, what);
}

/** One that other servers dial. */
export function tcpAddress(what: string) {
  return addressBy(readTcpAddress, TCP_PATTERN, what);
}

function addressBy(read: (text: string) => AddressReading, pattern: RegExp, what: string) {
  return v.pipe(
    v.string('must be an address in text, such as "10.0.0.1:6379"'),
    v.check(
      (text) => read(text).ok,
      (issue) => {
        const reading = read(String(issue.input));
        return reading.ok ? 'not an address' : reading.problem;
      },
    ),
    v.regex(pattern),
    v.description(what),
  );
}

export function fileName(what: string) {
  return v.pipe(
    v.string('must be the path of a file'),
    v.regex(
      PATH,
      'a path is not empty, holds no control characters and does not begin with "~", which only shells expand',
    ),
    v.description(what),
  );
}

export function wholeNumber(min: number, max: number, what: string) {
  const message = `must be a whole number from ${min} to ${max}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
    v.description(what),
  );
}
