/**
 * Bugs to be planted, and who has to notice. Not among them: a batch whose reply was lost and that counts as copied. The second look
 * copies it, and what was never confirmed is never pruned, so that nothing wrong comes of it. A place is found by its exact text, which must occur once: where the sources have changed, the
 * line here is stale and the run fails until it is mended.
 */

export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  readonly about: string;
  readonly edits: readonly Edit[];
  /** Arguments for node, from the repository's root, tried in this order until one fails. */
  readonly checks: readonly string[];
}

const replay = (id: string): string => `test/reliability/run.mjs --replay ${id}`;
const layer = (name: string, cases: number): string =>
  `test/reliability/run.mjs --layer ${name} --cases ${cases} --seed 3`;
const tests = (filter: string): string => `test/run.mjs ${filter}`;

const copy = 'src/migration/copy.ts';
const carry = 'src/migration/carry.ts';
const dumps = 'src/migration/transports/landing.ts';
const texts = 'src/migration/transports/strings.ts';
const prune = 'src/migration/prune.ts';
const deletion = 'src/migration/compare-and-delete.ts';
const barrier = 'src/migration/barrier.ts';
const record = 'src/journal/record.ts';
const reading = 'src/journal/reading.ts';
const lock = 'src/journal/lock.ts';
const nodes = 'src/migration/nodes.ts';
const compare = 'src/migration/compare.ts';
const save = 'src/topology/save.ts';

export const mutants: readonly Mutant[] = [
  {
    name: 'delete-before-copy',
    about: 'the source is emptied as soon as its values are in hand',
    edits: [
      {
        file: carry,
        find: '        await door.enter();\n        isInside = true;',
        replace:
          "        await door.enter();\n        await source.batch(keys.map((key) => ['UNLINK', key]));\n        isInside = true;",
      },
    ],
    checks: [replay('kill:join:run:fsync@9f:3'), ...[60, 70, 80, 90].map((n) => replay(`kill:join:run:write@${n}:3`))],
  },
  {
    name: 'skip-fsync',
    about: 'the journal is written and never synced',
    edits: [
      {
        file: record,
        find: '    fsync(fd, (error) => (error ? reject(error) : resolve()));',
        replace: '    if (fd < 0) fsync(fd, reject);\n    resolve();',
      },
    ],
    checks: [
      replay('disk:power:join:run:rename@1:none-kept~1:7'),
      replay('disk:power:join:run:bytes@60000:none-kept~2:7'),
    ],
  },
  {
    name: 'skip-folder-fsync',
    about: 'the name of a new journal is not synced',
    edits: [
      {
        file: 'src/journal/take-over.ts',
        find: '    fsyncSync(fd);\n  } finally {',
        replace: '    if (fd < 0) fsyncSync(fd);\n  } finally {',
      },
    ],
    checks: [
      replay('disk:power:join:run:rename@1:none-kept~1:7'),
      replay('disk:power:join:run:bytes@60000:none-kept~2:7'),
    ],
  },
  {
    name: 'topology-not-synced',
    about: 'the new topology file takes its name before its bytes are on the disk',
    edits: [{file: save, find: '      await file.sync();\n', replace: ''}],
    checks: [replay('disk:power:join:run:bytes@999999999:torn~1:7')],
  },
  {
    name: 'replace-on-busykey',
    about: 'RESTORE … REPLACE: what the target already held is overwritten',
    edits: [
      {file: dumps, find: '(expireAtMs >= 0 ? 1 : 0) + (age', replace: '1 + (expireAtMs >= 0 ? 1 : 0) + (age'},
      {
        file: dumps,
        find: '  request.part(payload!);\n',
        replace: "  request.part(payload!);\n  request.part('REPLACE');\n",
      },
    ],
    checks: [replay('hostile:squat-copying:9')],
  },
  {
    name: 'set-without-nx',
    about: 'SET overwrites the string that the target already held',
    edits: [
      {file: texts, find: "const SET = commandOf(4, 'SET');", replace: "const SET = commandOf(3, 'SET');"},
      {
        file: texts,
        find: "const SET_EXPIRING = commandOf(6, 'SET');",
        replace: "const SET_EXPIRING = commandOf(5, 'SET');",
      },
      {file: texts, find: "const NX = framedParts('NX');", replace: 'const NX = framedParts();'},
      {
        file: texts,
        find: "const NX_PXAT = framedParts('NX', 'PXAT');",
        replace: "const NX_PXAT = framedParts('PXAT');",
      },
    ],
    checks: [tests('migration/transports'), replay('hostile:squat-copying:9')],
  },
  {
    name: 'trust-set',
    about: "SET's OK is believed, the text is not read back",
    edits: [
      {
        file: texts,
        find: 'if (isMade && isReadBack && heldUntilMs === expireAtMs && isSame({read, at}, {replies, at: count + 1 + i})) {',
        replace: 'if (isMade && (isReadBack || heldUntilMs === expireAtMs || isSame({read, at}, {replies, at: i}))) {',
      },
    ],
    checks: [tests('migration/transports'), tests('migration/barrier')],
  },
  {
    name: 'texts-live-for-ever',
    about: 'strings are set without their expiry',
    edits: [
      {
        file: texts,
        find: "const SET_EXPIRING = commandOf(6, 'SET');",
        replace: "const SET_EXPIRING = commandOf(4, 'SET');",
      },
      {file: texts, find: "const NX_PXAT = framedParts('NX', 'PXAT');", replace: "const NX_PXAT = framedParts('NX');"},
      {
        file: texts,
        find: '  if (expireAtMs >= 0) request.part(expireAtMs);',
        replace: '  if (expireAtMs < -2) request.part(expireAtMs);',
      },
    ],
    checks: [tests('migration/transports')],
  },
  {
    name: 'trust-ok',
    about: "RESTORE's OK is believed, nothing is read back",
    edits: [
      {
        file: dumps,
        find: '  return (\n    !existed &&\n    landed.payload !== null &&',
        replace: '  if (!existed) return true;\n  return (\n    landed.payload !== null &&',
      },
    ],
    checks: [tests('migration/transports'), tests('migration/payload')],
  },
  {
    name: 'length-only',
    about: 'two values of the same length count as equal',
    edits: [
      {
        file: compare,
        find: 'if (dumpBody(source.copy.payload).equals(dumpBody(target.copy.payload)))',
        replace: 'if (source.copy.payload.length === target.copy.payload.length)',
      },
    ],
    checks: [replay('hostile:squat-copying:9')],
  },
  {
    name: 'digest-of-type-only',
    about: 'the canonical digest looks at the type and not at the elements',
    edits: [
      {
        file: 'src/migration/elements/digest.ts',
        find: '    this.#hash.update(frame(pieces));\n',
        replace: '    frame(pieces);\n',
      },
    ],
    checks: [tests('migration/elements-digest'), tests('migration/transports')],
  },
  {
    name: 'ignore-run-id',
    about: 'a new connection does not ask whose it is',
    edits: [
      {
        file: nodes,
        find: "if (infoText(info, 'run_id') === node.facts.runId) return;",
        replace: "if (infoText(info, 'run_id') !== null || node.facts.runId !== '') return;",
      },
    ],
    checks: [
      replay('faults:join:source:replaced:some-copied:11'),
      replay('faults:join:target:replaced:some-copied:12'),
      layer('faults', 24),
    ],
  },
  {
    name: 'resend-forgets-intent',
    about: 'a deletion that is sent again counts its own work as expired keys',
    edits: [
      {file: prune, find: '        intended = true;\n', replace: ''},
      {file: prune, find: 'let intended = history', replace: 'const intended = history'},
    ],
    checks: [9900, 10_500, 10_800, 11_400, 12_300].map((at) => replay(`proxy:join:1:cut-after@${at}:once:7`)),
  },
  {
    name: 'no-lock-token',
    about: 'keys are deleted without a look at the lock',
    edits: [{file: deletion, find: "if redis.call('GET', lock) ~= ARGV[1] then return -2 end\n", replace: ''}],
    checks: [replay('hostile:stolen-lock-pruning:5'), tests('migration/prune')],
  },
  {
    name: 'living-holder-is-dead',
    about: 'a lock is taken from a process that is alive',
    edits: [
      {file: lock, find: 'return pid === process.pid || isAlive({host, pid}) === false;', replace: 'return pid > 0;'},
    ],
    checks: [replay('hostile:intrude-resume:5'), replay('hostile:intrude-abort:5')],
  },
  {
    name: 'lock-not-given-back',
    about: 'the lock stays until its lease ends',
    edits: [{file: lock, find: "return redis.call('DEL', KEYS[1])`", replace: 'return 1`'}],
    checks: [replay('kill:join:run:fsync@5:3')],
  },
  {
    name: 'forget-a-database',
    about: 'only database 0 is moved',
    edits: [{file: copy, find: '/^db(\\d{1,5}):/gm', replace: '/^db(0):/gm'}],
    checks: [replay('kill:join:run:fsync@5:3')],
  },
  {
    name: 'lose-ttl',
    about: 'copies never expire',
    edits: [
      {file: dumps, find: '  request.part(expireAtMs < 0 ? 0 : expireAtMs);', replace: '  request.part(0);'},
      {file: dumps, find: 'landed.expireAtMs === copy.expireAtMs &&', replace: 'landed.payload !== null &&'},
      {
        file: dumps,
        find: "  if (expireAtMs >= 0) request.part('ABSTTL');",
        replace: "  if (expireAtMs >= 0) request.part('REPLACE');",
      },
    ],
    checks: [replay('kill:join:run:fsync@5:3')],
  },
  {
    name: 'prune-without-barrier',
    about: 'nothing makes sure that the copies survive a crash of the target',
    edits: [{file: barrier, find: "    case 'bgsave':\n      await saveNow(barred);", replace: "    case 'bgsave':"}],
    checks: [replay('faults:join:target:restarted-old:cutover:21'), tests('migration/barrier')],
  },
  {
    name: 'evictions-unseen',
    about: 'the barrier does not look at evicted keys',
    edits: [{file: barrier, find: '  if (evicted > 0) throw', replace: '  if (evicted < 0) throw'}],
    checks: [replay('hostile:lru-verified:4'), tests('migration/barrier')],
  },
  {
    name: 'prune-without-asking',
    about: 'keys are deleted at the source whether the target holds them or not',
    edits: [
      {
        file: prune,
        find: 'if (!operation.doubted.has(batch.target)) return existing(target, keys);',
        replace: 'if (!operation.doubted.has(batch.target)) return keys.map(() => target !== null);',
      },
      {file: prune, find: 'held !== whole.keys.count || ', replace: ''},
    ],
    checks: [replay('faults:join:target:restarted-empty:cutover:31'), tests('migration/prune')],
  },
  {
    name: 'delete-whatever-it-is',
    about: 'a value that changed after it was copied is deleted all the same',
    edits: [
      {file: deletion, find: "sum: 'sub(held, -8)'", replace: "sum: 'sub(sums, 8 * i - 7, 8 * i)'"},
      {file: deletion, find: "sum: 'sub(hash(held), 1, 16)'", replace: "sum: 'sub(sums, 16 * i - 15, 16 * i)'"},
    ],
    checks: [replay('hostile:write-set-verified:5'), replay('hostile:xack-old:5')],
  },
  {
    name: 'expiry-not-compared',
    about: 'a key whose expiry was changed after it was copied is deleted all the same',
    edits: [{file: deletion, find: " or call('PEXPIRETIME', key) ~= (expiries[i] or -1)", replace: ''}],
    checks: [replay('hostile:write-pexpireat-verified:5'), tests('migration/prune')],
  },
  {
    name: 'announce-after-sending',
    about: 'the journal names the copies when they have landed: those of a run that dies are unknown to it',
    edits: [
      {
        file: carry,
        find: "        await write(operation, {type: 'copy', ...where, keys: packKeys(keys), sums, of, expiries});\n",
        replace:
          "        late = () => write(operation, {type: 'copy', ...where, keys: packKeys(keys), sums, of, expiries});\n",
      },
      {
        file: carry,
        find: '  let isInside = false;\n',
        replace: '  let isInside = false;\n  let late: () => Promise<void> = async () => undefined;\n',
      },
      {
        file: carry,
        find: '    note(operation, copiedRecord(batch, carried));\n',
        replace: '    await late();\n    note(operation, copiedRecord(batch, carried));\n',
      },
    ],
    checks: [tests('migration/kill')],
  },
  {
    name: 'torn-tail-stays',
    about: 'a journal is continued behind half a record',
    edits: [
      {
        file: record,
        find: "import {closeSync, constants, fsync, openSync, unlinkSync, write} from 'node:fs';",
        replace: "import {closeSync, constants, fsync, openSync, statSync, unlinkSync, write} from 'node:fs';",
      },
      {
        file: record,
        find: 'takeOver(path, tail.bytes, assertOurs)',
        replace: 'takeOver(path, statSync(path).size, assertOurs)',
      },
    ],
    checks: [replay('disk:damage:torn:5'), tests('journal/record')],
  },
  {
    name: 'chain-unchecked',
    about: 'a damaged record of the journal is believed',
    edits: [
      {
        file: reading,
        find: '  if (chain(tail.sha, Buffer.concat([line.subarray(0, end), CLOSED])) !== sha) return null;\n',
        replace: '  if (chain(tail.sha, CLOSED) === sha) return null;\n',
      },
    ],
    checks: [replay('disk:sweep:flip:unfinished:7:5')],
  },
  {
    name: 'no-final-check',
    about: 'the end is believed and not counted',
    edits: [
      {
        file: 'src/migration/prove.ts',
        find: '  if (misplaced <= agreed) return',
        replace: '  if (misplaced >= 0) return',
      },
    ],
    checks: [tests('migration/prune')],
  },
  {
    name: 'abort-after-cutover',
    about: 'copies are removed although the clients use them already',
    edits: [
      {
        file: 'src/migration/recover.ts',
        find: '  if (!hasCutOver(told)) return;\n',
        replace: "  if (told.begin.id !== '') return;\n",
      },
    ],
    checks: [replay('hostile:intrude-abort:5'), tests('migration/prune')],
  },
  {
    name: 'promote-whoever-answers',
    about: 'a promotion whose order was lost is ordered again at whatever process answers then',
    edits: [
      {
        file: 'src/replication/promotion.ts',
        find: 'if (!isFirst && (await isReplaced(run, complete.runId)))',
        replace: 'if (false && (await isReplaced(run, complete.runId)))',
      },
    ],
    checks: [replay('roles:pause:candidate:restarted-empty:promoting:redis')],
  },
  {
    name: 'succeed-by-whoever-answers',
    about: 'the same in a failover',
    edits: [
      {
        file: 'src/replication/failover-run.ts',
        find: 'if (facts.runId !== runId) return false;',
        replace: 'if (facts.runId === null) return false;',
      },
    ],
    checks: [replay('roles:dead:candidate:restarted-empty:first:redis')],
  },
];
