/**
 * How values look in an explanation.
 */
import {isUtf8} from 'node:buffer';
import {escapeText} from '../errors.js';

/** `0x0000002a`: a 32-bit value. */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** `0x000000000000002a`: words of 32 bits, the most significant first. */
export function hexWords(words: Uint32Array): string {
  return `0x${Array.from(words, (word) => word.toString(16).padStart(8, '0')).join('')}`;
}

/** Bytes in quotes, safe for a terminal; bytes that are not UTF-8 as `\xNN`. */
export function quotedBytes(bytes: Uint8Array): string {
  return `"${escapedBytes(bytes)}"`;
}

/** Bytes as text that is safe for a terminal; when they are not UTF-8, those above ASCII as `\xNN`. */
export function escapedBytes(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return escapeText(Buffer.from(bytes).toString());
  let text = '';
  for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
  return escapeText(text);
}
