/** Every way to carry keys: one file each, one line here. */
import {dumpRestore} from './dump-restore.js';
import {strings} from './strings.js';
import type {Transport} from './transport.js';

export const transports: readonly Transport[] = [strings, dumpRestore];
