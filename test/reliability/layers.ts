/** Every layer: one line each. */
import {faults} from './faults.js';
import {kill} from './kill.js';
import type {Layer} from './layer.js';
import {network} from './network.js';

export const layers: readonly Layer[] = [kill, faults, network];
