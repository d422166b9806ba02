/** A handover as a process of its own, to be killed: `handover-child.ts OLD NEXT FENCE_MS FILE`; the fence goes to the file. */
import {writeFileSync} from 'node:fs';
import {handOver} from '../../src/replication/handover.js';
import {instance} from './worlds.js';

const [old, next, fenceMs, file] = process.argv.slice(2) as [string, string, string, string];
const handed = await handOver(
  {old: instance(old), next: instance(next)},
  {
    ...{login: null, commandTimeoutMs: 1000, fenceMs: Number(fenceMs), fence: null},
    onFenced: (fence) => writeFileSync(file, JSON.stringify(fence)),
  },
);
console.log(JSON.stringify(handed));
