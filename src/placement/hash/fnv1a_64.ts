/**
 * FNV-1a (xor, then multiply) with the 64-bit constants truncated to 32 bits: basis 0x84222325, prime 0x1b3. Twemproxy's default.
 * It is the lower half of real 64-bit FNV-1a while every byte is below 0x80.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1a_64. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0x23c6cdfc.
 */
import {type Char, charShift, type FoldedHash, folded, unsigned} from './hash.js';

function fnv1a_64Reading(char: Char): FoldedHash {
  const shift = charShift(char);
  return folded({
    initial: 0x84222325 | 0,
    step: (hash, byte) => Math.imul(hash ^ ((byte << shift) >> shift), 0x1b3),
    finish: unsigned,
  });
}

export const fnv1a_64 = fnv1a_64Reading('signed');
export const fnv1a_64Unsigned = fnv1a_64Reading('unsigned');
