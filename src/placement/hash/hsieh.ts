/**
 * Paul Hsieh's SuperFastHash, 32 bits, starting from 0 (the original starts from the length).
 * Source: twemproxy src/hashkit/nc_hsieh.c, hash_hsieh. Only the last of three left-over bytes is read as `char`: see `Char`.
 * Check value for "123456789": 0xe4fc1670.
 */
import {type Char, charShift, type HashFunction} from './hash.js';

function hsiehReading(char: Char): HashFunction {
  const shift = charShift(char);
  return (bytes, start, end) => {
    let hash = 0;
    let i = start;
    for (; end - i >= 4; i += 4) {
      hash = (hash + (bytes[i]! | (bytes[i + 1]! << 8))) | 0;
      const mixed = ((bytes[i + 2]! | (bytes[i + 3]! << 8)) << 11) ^ hash;
      hash = (hash << 16) ^ mixed;
      hash = (hash + (hash >>> 11)) | 0;
    }
    const left = end - i;
    if (left === 3) {
      hash = (hash + (bytes[i]! | (bytes[i + 1]! << 8))) | 0;
      hash ^= hash << 16;
      hash ^= ((bytes[i + 2]! << shift) >> shift) << 18;
      hash = (hash + (hash >>> 11)) | 0;
    } else if (left === 2) {
      hash = (hash + (bytes[i]! | (bytes[i + 1]! << 8))) | 0;
      hash ^= hash << 11;
      hash = (hash + (hash >>> 17)) | 0;
    } else if (left === 1) {
      hash = (hash + bytes[i]!) | 0;
      hash ^= hash << 10;
      hash = (hash + (hash >>> 1)) | 0;
    }
    hash ^= hash << 3;
    hash = (hash + (hash >>> 5)) | 0;
    hash ^= hash << 4;
    hash = (hash + (hash >>> 17)) | 0;
    hash ^= hash << 25;
    return (hash + (hash >>> 6)) >>> 0;
  };
}

export const hsieh = hsiehReading('signed');
export const hsiehUnsigned = hsiehReading('unsigned');
