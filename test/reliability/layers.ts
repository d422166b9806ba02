/** Every layer: one line each. */
import {disk} from './disk.js';
import {faults} from './faults.js';
import {hostile} from './hostile.js';
import {kill} from './kill.js';
import type {Layer} from './layer.js';
import {network} from './network.js';
import {replicate} from './replicate.js';
import {rolesLayer} from './roles.js';
import {gap, switchover} from './switchover.js';

export const layers: readonly Layer[] = [kill, faults, network, disk, hostile, replicate, switchover, gap, rolesLayer];
