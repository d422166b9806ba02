/**
 * How schemes declare their options: each kind with its default and the sentence for a value that does not fit.
 */
import * as v from 'valibot';
import {notOneOf} from './problems.js';

/** One of `names`; the first one unless the topology says otherwise. `what` begins a sentence: "Hash". */
export function choice<const Name extends string>(what: string, names: readonly [Name, ...Name[]]) {
  return v.optional(v.picklist(names, notOneOf(what, names)), names[0]);
}

/** A whole number from `least` to `most`. */
export function wholeNumber(what: string, fallback: number, [least, most]: readonly [number, number]) {
  const message = `${what} must be a whole number from ${least} to ${most}.`;
  const number = v.pipe(v.number(message), v.integer(message), v.minValue(least, message), v.maxValue(most, message));
  return v.optional(number, fallback);
}

/** true or false; false unless the topology says otherwise. */
export function flag(what: string) {
  return v.optional(v.boolean(`${what} must be true or false.`), false);
}

/** A version of a client: its major number, as a number or in quotes. The first one unless the topology says otherwise. */
export function version<const Number_ extends number>(what: string, numbers: readonly [Number_, ...Number_[]]) {
  const names = numbers.map(String);
  const message = ({input}: {readonly input: unknown}): string =>
    `${what} must be one of ${names.join(', ')}, and it is ${JSON.stringify(input)}.`;
  return v.optional(v.picklist(numbers, message), numbers[0]);
}
