/**
 * The lower 32 bits of 64-bit FNV-1 (multiply, then xor): basis 0xcbf29ce484222325 and prime 0x100000001b3, of which only the lower
 * halves reach the lower half of the result.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_64. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0x2bf916d6.
 */
import {type Char, charShift, type FoldedHash, folded, unsigned} from './hash.js';

function fnv1_64Reading(char: Char): FoldedHash {
  const shift = charShift(char);
  return folded({
    initial: 0x84222325 | 0,
    step: (hash, byte) => Math.imul(hash, 0x1b3) ^ ((byte << shift) >> shift),
    finish: unsigned,
  });
}

export const fnv1_64 = fnv1_64Reading('signed');
export const fnv1_64Unsigned = fnv1_64Reading('unsigned');
