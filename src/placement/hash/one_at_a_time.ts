/**
 * Bob Jenkins' one-at-a-time, 32 bits, starting from 0.
 * Source: twemproxy src/hashkit/nc_one_at_a_time.c, hash_one_at_a_time. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0xc66b58c5.
 */
import {type Char, charShift, type FoldedHash, folded} from './hash.js';

function one_at_a_timeReading(char: Char): FoldedHash {
  const shift = charShift(char);
  return folded({
    initial: 0,
    step: (hash, byte) => {
      const added = (hash + ((byte << shift) >> shift)) | 0;
      const mixed = (added + (added << 10)) | 0;
      return mixed ^ (mixed >>> 6);
    },
    finish: (hash) => {
      const added = (hash + (hash << 3)) | 0;
      const mixed = added ^ (added >>> 11);
      return (mixed + (mixed << 15)) >>> 0;
    },
  });
}

export const one_at_a_time = one_at_a_timeReading('signed');
export const one_at_a_timeUnsigned = one_at_a_timeReading('unsigned');
