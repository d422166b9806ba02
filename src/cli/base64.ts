/**
 * Base64 where the bytes lie: for keys that are no text, on the command line or millions a second on standard input.
 * RFC 4648, section 4: the standard alphabet, with padding, without line breaks. Nothing else is let through, because a
 * key that was decoded wrong would get an answer, and a wrong one.
 */
const digits = new Int8Array(256).fill(-1);
for (const [value, digit] of Buffer.from(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
).entries()) {
  digits[digit] = value;
}
const padding = 0x3d;

/** Decodes `bytes[start, end)` into `into`, which has room for three quarters of it. The number of bytes, or -1: not base64. */
export function decodeBase64(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  if ((end - start) % 4 !== 0) return -1;
  let pads = 0;
  while (pads < 2 && end - pads > start && bytes[end - pads - 1] === padding) pads++;
  const length = ((end - start) / 4) * 3 - pads;
  let bad = 0;
  let at = 0;
  for (let i = start; i < end; i += 4) {
    const isLast = i + 4 === end;
    const a = digits[bytes[i]!]!;
    const b = digits[bytes[i + 1]!]!;
    const c = isLast && pads === 2 ? 0 : digits[bytes[i + 2]!]!;
    const d = isLast && pads >= 1 ? 0 : digits[bytes[i + 3]!]!;
    bad |= a | b | c | d;
    // What lies beyond `length` falls off the end of a typed array, or is overwritten by the next key.
    into[at++] = (a << 2) | (b >> 4);
    into[at++] = (b << 4) | (c >> 2);
    into[at++] = (c << 6) | d;
  }
  return bad < 0 ? -1 : length;
}
