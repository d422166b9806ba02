/**
 * Bob Jenkins' one-at-a-time, 32 bits, starting from 0.
 * Source: twemproxy src/hashkit/nc_one_at_a_time.c, hash_one_at_a_time. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0xc66b58c5.
 */
import {type Char, charShift, type HashFunction} from './hash.js';

function one_at_a_timeReading(char: Char): HashFunction {
  const shift = charShift(char);
  return (bytes, start, end) => {
    let hash = 0;
    for (let i = start; i < end; i++) {
      hash = (hash + ((bytes[i]! << shift) >> shift)) | 0;
      hash = (hash + (hash << 10)) | 0;
      hash ^= hash >>> 6;
    }
    hash = (hash + (hash << 3)) | 0;
    hash ^= hash >>> 11;
    return (hash + (hash << 15)) >>> 0;
  };
}

export const one_at_a_time = one_at_a_timeReading('signed');
export const one_at_a_timeUnsigned = one_at_a_timeReading('unsigned');
