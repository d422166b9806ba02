/** Keys as arguments of a command. */
import {type RtopoError, usageError} from '../errors.js';
import {decodeBase64} from './base64.js';

export interface KeyFormat {
  /** Keys are written in base64. */
  readonly base64: boolean;
  /** On standard input keys end with NUL, not with a line break. */
  readonly null: boolean;
}

/** The keys among the arguments of `command`, as bytes; null when `-` says that they come on standard input. */
export function keyArguments(command: string, words: readonly string[], format: KeyFormat): Buffer[] | null {
  if (words.length === 0) {
    throw usageError({message: 'No key was given.', remedy: `${command} user:42, or ${command} - < keys.txt`});
  }
  if (words.includes('-')) {
    if (words.length === 1) return null;
    throw usageError({
      message: '- means the keys on standard input, so no other key can stand beside it.',
      remedy: `${command} - < keys.txt; the key "-" itself goes on standard input too`,
    });
  }
  if (format.null) {
    throw usageError({message: '--null is about keys on standard input.', remedy: `${command} - --null < keys.bin`});
  }
  return words.map((word, index) => (format.base64 ? decodedArgument(word, index) : Buffer.from(word)));
}

/** A warning when bytes of an argument may have been lost: by the time it reaches us, what is not UTF-8 is U+FFFD. */
export function lossyArguments(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return [];
  return ['A key holds U+FFFD, which stands for bytes that are not UTF-8. Give such a key with --base64 or through -.'];
}

function decodedArgument(word: string, index: number): Buffer {
  const bytes = Buffer.from(word);
  const length = decodeBase64(bytes, 0, bytes.length, bytes);
  if (length === -1) throw notBase64(`Key ${index + 1} on the command line`, index + 1);
  return bytes.subarray(0, length);
}

/** `what` names the key; `line` is its number, for scripts. */
export function notBase64(what: string, line: number): RtopoError {
  return usageError({
    code: 'KEY_NOT_BASE64',
    message: `${what} is not base64: the standard alphabet, with padding and without spaces.`,
    remedy: 'Encode each key on its own, for example with base64 -w0, or leave out --base64.',
    details: {line},
  });
}
