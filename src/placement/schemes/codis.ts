/**
 * Codis: slot = CRC32(key) % 1024, and every slot belongs to a group, as its dashboard says; see slot-table.ts. An empty tag
 * counts: all keys with `{}` in front are one.
 * Source: codis pkg/proxy/mapper.go (Hash), pkg/models/slots.go (MaxSlotNum).
 */
import {hex32} from '../explain.js';
import {crc32} from '../hash/crc32.js';
import type {Scheme} from '../placement.js';
import {type SlotOptions, slotScheme} from '../slot-table.js';
import {pairRule} from '../tag.js';

export const codis: Scheme<SlotOptions> = {
  ...slotScheme({
    name: 'codis',
    summary: "Codis' 1024 slots, split evenly or assigned by name",
    count: 1024,
    hash: crc32,
    shown: (hash) => `crc32 = ${hex32(hash)}`,
    tag: pairRule('{}', 0x7b, 0x7d, 'empty'),
  }),
  emptyTag: 'empty',
};
