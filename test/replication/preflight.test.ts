/** What stands in the way of a plan beside the histories, and what may hurt later: as a table over made-up readings. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {ServerFacts} from '../../src/redis/identity.js';
import {planReplication} from '../../src/replication/plan.js';
import {preflight, trialsOf} from '../../src/replication/preflight.js';
import type {Reading} from '../../src/replication/reading.js';
import type {Tls} from '../../src/topology/types.js';
import {
  backlog,
  history,
  instance,
  lineage,
  facts as makeFacts,
  observed,
  replicaRole,
  secret,
  shard,
  topology,
} from './worlds.js';

const test = suite('replication/preflight');
const [M, R] = ['10.0.0.1:6379', '10.0.0.2:6379'];
const GB = 1024 ** 3;

function reading(over: Partial<Reading> = {}, config: Readonly<Record<string, string>> = {}): Reading {
  return {
    config: new Map(
      Object.entries({'min-replicas-to-write': '0', 'replica-priority': '100', 'tls-replication': 'no', ...config}),
    ),
    ...{missing: new Set(), user: 'ops', denied: [], clients: 0, modules: [], libraries: []},
    ...{savedOk: true, saving: false, datasetBytes: 1000, lock: null, atMs: 0},
    ...over,
  };
}

interface World {
  readonly master?: Reading;
  readonly replica?: Reading;
  readonly facts?: Partial<ServerFacts>;
  readonly tls?: Tls;
  readonly minReplicas?: {toWrite: number; maxLagSeconds: number | null};
  readonly priority?: number;
  readonly login?: boolean;
  /** The replica goes on from where it stood. */
  readonly gapBytes?: number;
}

/** The codes for a master and a replica that is to be attached: `!` before those that only warn. */
function judge(world: World) {
  const {master = reading(), replica = reading(), facts = {}, tls, minReplicas, gapBytes} = world;
  const made = shard(instance(M, null, tls === undefined ? {} : {tls}), [
    instance(R, M, {priority: world.priority ?? null}),
  ]);
  const declared = topology(
    [{...made, ...(minReplicas === undefined ? {} : {minReplicas})}],
    world.login ? secret : null,
  );
  const a = history('a');
  const [leader, follower] =
    gapBytes === undefined
      ? [makeFacts({keys: 5}), makeFacts(facts)]
      : [
          makeFacts({keys: 5, lineage: lineage(a, 10_000_000), backlog: backlog(1, 10_000_000)}),
          makeFacts({
            keys: 5,
            lineage: lineage(a, 10_000_000 - gapBytes),
            role: replicaRole('10.0.0.9:1'),
            linkUp: false,
          }),
        ];
  const observation = observed({[M]: leader, [R]: follower});
  const readings = new Map([
    [M, master],
    [R, replica],
  ]);
  const config = new Map(
    [...readings].flatMap(([at, one]) => (one.config === null ? [] : [[at, one.config] as const])),
  );
  const plan = planReplication({topology: declared, observation, discard: [], config});
  const {refused, warnings} = preflight({topology: declared, plan, observation, readings});
  return {
    codes: [
      ...refused.map(({code, instance: at}) => `${code} ${at}`),
      ...warnings.map(({code, instance: at}) => `!${code} ${at}`),
    ],
    all: [...refused, ...warnings],
    plan,
  };
}

test('nothing in the way, nothing to say', () => {
  assert.equal(judge({}).codes, []);
});

const missing = (...names: string[]) => reading({missing: new Set(names), config: null});
const tls: Tls = {ca: null, cert: null, key: null, serverName: null};
const buffers = (limit: number, backlogBytes: number) =>
  reading(
    {datasetBytes: 4 * GB},
    {
      'client-output-buffer-limit': `normal 0 0 0 slave ${limit} 67108864 60 pubsub 33554432 8388608 60`,
      'repl-backlog-size': String(backlogBytes),
    },
  );

const table: readonly [what: string, world: World, codes: readonly string[], says: RegExp][] = [
  ['managed', {replica: missing('replicaof', 'slaveof', 'config')}, [`MANAGED_SERVICE ${R}`], /tools/],
  ['no CONFIG, and a login to set', {login: true, replica: missing('config')}, [`CONFIG_DISABLED ${R}`], /login/],
  ['no CONFIG, and nothing to set', {replica: missing('config')}, [], /^$/],
  [
    'the login may not',
    {
      replica: reading({
        denied: [
          ['REPLICAOF', 'NO', 'ONE'],
          ['CONFIG', 'SET', 'masterauth', 'x'],
        ],
      }),
    },
    [`NO_PERMISSION ${R}`],
    /user ops may not run REPLICAOF, CONFIG SET\..*ACL SETUSER ops \+replicaof \+config\|set$/,
  ],
  [
    'the login may not lock: the command, and the key',
    {
      master: reading({
        denied: [
          ['EVAL', '', '1', '__rtopo:lock'],
          ['SET', '__rtopo:lock', 'x'],
        ],
      }),
    },
    [`NO_PERMISSION ${M}`],
    /user ops may not run EVAL, SET\..*ACL SETUSER ops \+eval \+set ~__rtopo:lock$/,
  ],
  [
    'the login may not write the role down',
    {replica: reading({denied: [['CONFIG', 'REWRITE']]})},
    [`!NOT_PERSISTABLE ${R}`],
    /CONFIG REWRITE\. A restart .*\+config\|rewrite$/,
  ],
  ['no config file', {facts: {configFile: false}}, [`!NOT_PERSISTABLE ${R}`], /without a config file/],
  [
    'another operation',
    {master: reading({lock: '{"op":"01X","user":"eve","host":"h","pid":7,"started":"t"}'})},
    [`LOCKED ${M}`],
    /01X of eve on h/,
  ],
  ['a fence is up', {master: reading({}, {'min-replicas-to-write': '1000000'})}, [`WRITES_FENCED ${M}`], /1000000/],
  [
    'more replicas needed than declared',
    {minReplicas: {toWrite: 2, maxLagSeconds: null}},
    [`MIN_REPLICAS_UNSATISFIABLE ${M}`],
    /no writes/,
  ],
  [
    'more replicas needed than declared, by the server itself',
    {master: reading({}, {'min-replicas-to-write': '3'})},
    [`!MIN_REPLICAS_UNSATISFIABLE ${M}`],
    /only with 3/,
  ],
  [
    'declared and not to be read',
    {priority: 0, replica: reading({config: null})},
    [`CONFIG_UNREADABLE ${R}`],
    /replica-priority.*\+config\|get/,
  ],
  [
    'clients on a master that becomes a replica',
    {replica: reading({clients: 3})},
    [`!CLIENTS_CONNECTED ${R}`],
    /3 clients are connected/,
  ],
  [
    'TLS on the way to a plain port',
    {replica: reading({}, {'tls-replication': 'yes'})},
    [`TLS_MISMATCH ${R}`],
    /declared without TLS/,
  ],
  ['built without TLS', {tls, replica: reading({config: new Map()})}, [`TLS_MISMATCH ${R}`], /built without it/],
  [
    'modules',
    {master: reading({modules: ['bf', 'json']}), replica: reading({modules: ['bf']})},
    [`MODULES_MISSING ${R}`],
    /lacks: json\./,
  ],
  [
    'too little memory',
    {
      master: reading({datasetBytes: 2000}),
      replica: reading({}, {maxmemory: '1000', 'replica-ignore-maxmemory': 'no'}),
    },
    [`MAXMEMORY_TOO_SMALL ${R}`],
    /maxmemory 4000$/,
  ],
  [
    'too little memory once promoted',
    {
      master: reading({datasetBytes: 2000}),
      replica: reading({}, {maxmemory: '1000', 'replica-ignore-maxmemory': 'yes'}),
    },
    [`!MAXMEMORY_TOO_SMALL ${R}`],
    /once promoted/,
  ],
  [
    'functions',
    {replica: reading({libraries: ['mine\u001b', 'both']}), master: reading({libraries: ['both']})},
    [`!FUNCTIONS_REPLACED ${R}`],
    /lose them: mine\\x1b\./,
  ],
  ['small output buffer', {master: buffers(GB / 4, GB)}, [`!OUTPUT_BUFFER_SMALL ${R}`], /begins anew/],
  ['small backlog', {master: buffers(0, 1024 ** 2)}, [`!BACKLOG_SMALL ${R}`], /repl-backlog-size \d+$/],
  ['large enough', {master: buffers(GB, GB)}, [], /^$/],
  [
    'snapshots fail, over the disk',
    {master: reading({savedOk: false}, {'repl-diskless-sync': 'no'})},
    [`SNAPSHOT_FAILING ${R}`],
    /would fail too/,
  ],
  [
    'snapshots fail, past the disk',
    {master: reading({savedOk: false}, {'repl-diskless-sync': 'yes'})},
    [`!SNAPSHOT_FAILING ${R}`],
    /BGSAVE$/,
  ],
  ['a save is running', {master: reading({saving: true})}, [`!SAVE_RUNNING ${R}`], /waits until/],
  [
    'flush before load',
    {replica: reading({}, {'repl-diskless-load': 'flush-before-load'})},
    [`!FLUSHES_BEFORE_LOAD ${R}`],
    /nothing can be undone/,
  ],
  ['a partial resync that may not last', {gapBytes: 800_000}, [`!BACKLOG_TIGHT ${R}`], /800000 bytes/],
  ['a partial resync with room', {gapBytes: 1000}, [], /^$/],
];
for (const [what, world, codes, says] of table) {
  test(what, () => {
    const {codes: found, all} = judge(world);
    assert.equal(found, codes);
    assert.match(all.map(({message, remedy}) => `${message} ${remedy}`).join(' '), says);
  });
}

test('all at once, those of refused steps too', () => {
  const {codes, plan} = judge({
    facts: {keys: 3},
    replica: reading({modules: [], denied: [['REPLICAOF', 'NO', 'ONE']]}),
    master: reading({modules: ['bf'], lock: 'x'}),
  });
  assert.equal(
    plan.refused.map(({code}) => code),
    ['WOULD_WIPE'],
  );
  assert.equal(codes, [`LOCKED ${M}`, `NO_PERMISSION ${R}`, `MODULES_MISSING ${R}`]);
});

test('settings: only what differs is a step, the last one; trials hold no secret', () => {
  const {plan} = judge({
    priority: 0,
    minReplicas: {toWrite: 1, maxLagSeconds: 9},
    login: true,
    master: reading({}, {'min-replicas-max-lag': '9'}),
  });
  const steps = plan.shards[0]!.steps.map((step) => (step.do === 'set-config' ? step.settings : step.do));
  assert.equal(steps, [
    ...['set-auth', 'set-auth', 'replicate-from'],
    [{name: 'min-replicas-to-write', from: '0', to: '1'}],
    [{name: 'replica-priority', from: '100', to: '0'}],
  ]);
  assert.is(plan.unchanged, 0);
  const [, replica] = [plan.shards[0]!.shard.master, plan.shards[0]!.shard.replicas[0]!];
  assert.equal(trialsOf(plan.shards[0]!, replica), [
    ['ROLE'],
    ['CONFIG', 'SET', 'masterauth', 'x'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['CONFIG', 'SET', 'replica-priority', '0'],
    ['CONFIG', 'REWRITE'],
  ]);
});

test.run();
