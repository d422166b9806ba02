/** `rtopo locate`: the real command line, in every way in which keys can be given and answers can be read. */
import {execFileSync, spawn, spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {cpSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {decodeBase64} from '../../src/cli/base64.js';
import {KeyPass} from '../../src/cli/key-pass.js';
import {parseTopology, placementOf} from '../../src/index.js';
import {plainKeys, randomFrom, randomKeys} from '../placement/random.js';
import {binPath, type CliOptions, type CliResult, cleanEnv, cli, repositoryRoot} from '../rig/cli.js';
import {makeDir, removeDir} from '../rig/processes.js';
import {cliTty} from '../rig/tty.js';

const test = suite('commands/locate');

const addresses = {alpha: '10.0.0.1:6379', beta: '10.0.0.4:6379', gamma: '[2001:db8::7]:6379'} as const;
const shardLines = Object.entries(addresses).map(([name, address]) => `  - {name: ${name}, master: "${address}"}\n`);

function topologyText(placement: string): string {
  return `version: 1\nname: cache\nplacement: ${placement}\nshards:\n${shardLines.join('')}`;
}

const ketama = topologyText('{scheme: ketama, hashTag: "{}"}');

/** A folder with that topology, in which the command line runs; removed afterwards. */
async function inFolder(text: string, body: (dir: string) => Promise<void>): Promise<void> {
  const dir = makeDir('rtopo-locate-');
  try {
    writeFileSync(join(dir, 'rtopo.yml'), text);
    await body(dir);
  } finally {
    removeDir(dir);
  }
}

async function locate(args: readonly string[], options: CliOptions = {}, text = ketama): Promise<CliResult> {
  let result: CliResult | null = null;
  await inFolder(text, async (dir) => {
    result = await cli(['locate', ...args], {cwd: dir, ...options});
  });
  return result!;
}

/** The same with bytes in and out: the rig reads text. */
async function locateBytes(args: readonly string[], input: Buffer, text = ketama): Promise<Buffer> {
  let output: Buffer | null = null;
  await inFolder(text, async (dir) => {
    const {status, stdout, stderr} = spawnSync(process.execPath, [binPath, 'locate', ...args], {
      cwd: dir,
      env: cleanEnv(dir),
      input,
      maxBuffer: 1 << 26,
    });
    assert.is(stderr.toString(), '');
    assert.is(status, 0);
    output = stdout;
  });
  return output!;
}

const owners = (text: string) => {
  const placement = parseTopology(text, 'rtopo.yml').check(placementOf);
  return (key: Buffer | string): keyof typeof addresses => placement.ownerOf(Buffer.from(key)).name as 'alpha';
};
const ownerOf = owners(ketama);

/** Keys that are on two shards. */
const apart = ['user:42:cart', 'user:42:b'];

/** The line of a key, as the contract has it. */
const line = (key: Buffer | string, echo: Buffer | string = key) =>
  Buffer.concat([Buffer.from(echo), Buffer.from(`\t${ownerOf(key)}\t${addresses[ownerOf(key)]}\n`)]);

// Keys as arguments.

test('keys as arguments: a line each, in their order, with tabs', async () => {
  const keys = ['user:42', 'user:43', 'user:42', '', 'ключ', 'with space', '-5', 'a\tb'];
  const {status, stdout, stderr} = await locate(keys);
  assert.is(stderr, '');
  assert.is(status, 0);
  assert.is(stdout, keys.map((key) => line(key).toString()).join(''));
});

test('keys after -- may look like flags', async () => {
  const {status, stdout} = await locate(['--', '--json', '-t']);
  assert.is(status, 0);
  assert.is(stdout, `${line('--json')}${line('-t')}`);
});

test('--json: the envelope, and the part that was hashed', async () => {
  const {status, stdout, stderr} = await locate(['user:{42}:cart', '42', '--json']);
  assert.is(stderr, '');
  assert.is(status, 0);
  const shard = ownerOf('42');
  const place = {shard, address: addresses[shard]};
  assert.equal(JSON.parse(stdout), {
    ok: true,
    schema: 1,
    command: 'locate',
    warnings: [],
    result: {
      keys: [
        {key: 'user:{42}:cart', hashed: '42', ...place},
        {key: '42', hashed: '42', ...place},
      ],
      sameShard: true,
    },
  });
});

test('--json: keys on several shards, and keys that are no text', async () => {
  const binary = Buffer.from([0xff, 0x7b, 0x61, 0x7d]);
  const words = ['a', 'b', 'c', 'd'].map((key) => Buffer.from(key).toString('base64'));
  const {status, stdout} = await locate(['--base64', ...words, binary.toString('base64'), '', '--json']);
  assert.is(status, 0);
  const {result} = JSON.parse(stdout);
  assert.is(result.sameShard, false);
  assert.equal(
    result.keys.map(({key, keyBase64, hashed, hashedBase64}: Record<string, string>) => [
      key ?? keyBase64,
      hashed ?? hashedBase64,
    ]),
    [
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
      ['d', 'd'],
      ['/3thfQ==', 'YQ=='],
      ['', ''],
    ],
  );
  assert.equal(Object.keys(result.keys[4]), ['keyBase64', 'hashedBase64', 'shard', 'address']);
  assert.is(result.keys[4].shard, ownerOf('a'));
});

test('--base64 with arguments: decoded to be hashed, echoed as they came', async () => {
  const {status, stdout} = await locate(['--base64', 'dXNlcjo0Mg==', '/w==']);
  assert.is(status, 0);
  assert.is(stdout, `${line('user:42', 'dXNlcjo0Mg==')}${line(Buffer.from([0xff]), '/w==')}`);
});

/** What `why` must say, by scheme. */
const reasons = [
  [
    '{scheme: ketama, hashTag: "{}"}',
    {tagRule: '{}', hash: /^fnv1a_64 = 0x[0-9a-f]{8}$/, point: /^0x[0-9a-f]{8} of "/},
  ],
  ['{scheme: modulo, hash: crc32}', {tagRule: 'none', hash: /^crc32 = 0x/, remainder: /^\d+ % 3 = [0-2], /}],
  [
    '{scheme: slots}',
    {tagRule: 'redis-cluster', hash: /^crc16 = 0x[0-9a-f]{4}$/, slot: /^\d+$/, range: /^\d+-\d+ of "/},
  ],
  [
    '{scheme: range, ranges: [{below: "b", shard: alpha}, {below: "v", shard: beta}, {shard: gamma}]}',
    {tagRule: 'none', compared: /^"user:/, range: /^from "b" and below "v" of "beta"$/},
  ],
] as const;

for (const [placement, expected] of reasons) {
  test(`--explain: ${placement}`, async () => {
    const text = topologyText(placement);
    const key = 'user:{42}:cart';
    const {status, stdout, stderr} = await locate([key, '--explain', '--json'], {}, text);
    assert.is(stderr, '');
    assert.is(status, 0);
    const {why} = JSON.parse(stdout).result.keys[0];
    assert.equal(Object.keys(why), Object.keys(expected));
    for (const [label, value] of Object.entries(expected)) assert.match(why[label], value);
    const facts = Object.entries(why).map(([label, value]) => `\t${label}=${value}`);
    const shard = owners(text)(key);
    const stream = await locate(['-', '--explain'], {input: key}, text);
    assert.is(stream.stdout, `${key}\t${shard}\t${addresses[shard]}${facts.join('')}\n`);
  });
}

test('--explain: the same for arguments and for a stream, as text and as JSON', async () => {
  const key = 'user:{42}:cart';
  const [text, textStream, json, jsonStream] = await Promise.all([
    locate([key, '--explain']),
    locate(['-', '--explain'], {input: key}),
    locate([key, '--explain', '--json']),
    locate(['-', '--explain', '--json'], {input: key}),
  ]);
  assert.is(textStream.stdout, text.stdout);
  assert.equal(JSON.parse(jsonStream.stdout), JSON.parse(json.stdout).result.keys[0]);
});

test('on a terminal: a table, without what a key could do to the terminal', async () => {
  await inFolder(ketama, async (dir) => {
    const {status, screen, text} = await cliTty(['locate', 'user:42', 'x\x1b[31m', '--explain'], {cwd: dir});
    assert.is(status, 0);
    assert.not.match(screen, /\x1b\[31m/);
    const [head, first, second, empty, key, rule] = text.split('\n');
    assert.is(head, `${'KEY'.padEnd(11)}SHARD  ADDRESS`);
    assert.is(first, `${'user:42'.padEnd(11)}${ownerOf('user:42').padEnd(5)}  ${addresses[ownerOf('user:42')]}`);
    assert.is(second, `x\\x1b[31m  ${ownerOf('x\x1b[31m').padEnd(5)}  ${addresses[ownerOf('x\x1b[31m')]}`);
    assert.equal([empty, key, rule], ['', 'user:42', '  hash tag  {}']);
  });
});

test('- at a terminal answers line by line, and escapes', async () => {
  // The warning is the sign that somebody may type.
  const text = topologyText('{scheme: ketama, hash: crc32}');
  await inFolder(text, async (dir) => {
    const keys = [
      {when: /warning: Hash crc32/, send: 'a\x01b\n'},
      {when: /a\\x01b\t/, send: '\x04'},
    ];
    const run = await cliTty(['locate', '-'], {cwd: dir, keys});
    assert.is(run.status, 0);
    assert.ok(run.text.includes(`a\\x01b\t${owners(text)('a\x01b')}\t`), run.text);
  });
});

// Keys on standard input.

test('-: a line per key, bytes as they came', async () => {
  const keys = [
    Buffer.from('user:42'),
    Buffer.alloc(0),
    Buffer.from('b\r'),
    Buffer.from('t\ta b'),
    Buffer.from([0, 0xff, 0xc3]),
  ];
  const input = Buffer.concat(keys.flatMap((key) => [key, Buffer.from('\n')]));
  assert.equal(await locateBytes(['-'], input), Buffer.concat(keys.map((key) => line(key))));
  assert.equal(await locateBytes(['-'], Buffer.from('last')), line('last'), 'the last line break may be missing');
  assert.equal(await locateBytes(['-'], Buffer.from('\n')), line(''));
  assert.equal(await locateBytes(['-'], Buffer.alloc(0)), Buffer.alloc(0));
});

test('- --null: keys may hold line breaks', async () => {
  const keys = ['a\nb', '', 'c'];
  const input = keys.join('\0');
  assert.equal(await locateBytes(['-', '--null'], Buffer.from(input)), Buffer.concat(keys.map((key) => line(key))));
  const {stdout} = await locate(['-', '--null', '--json'], {input});
  assert.equal(
    stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text).key),
    keys,
  );
});

test('- --base64: binary keys in text, echoed as they came', async () => {
  const keys = [Buffer.from([0, 0x0a, 0xff]), Buffer.from('user:42'), Buffer.alloc(0)];
  const input = `${keys.map((key) => key.toString('base64')).join('\n')}\n`;
  const wanted = Buffer.concat(keys.map((key) => line(key, key.toString('base64'))));
  assert.equal(await locateBytes(['-', '--base64'], Buffer.from(input)), wanted);
});

test('- --json: one object a line, without an envelope', async () => {
  const {status, stdout, stderr} = await locate(['-', '--json'], {input: Buffer.from('x{42}\n\xff\n', 'latin1')});
  assert.is(stderr, '');
  assert.is(status, 0);
  const lines = stdout.split('\n');
  assert.is(lines.pop(), '');
  const [one, two] = [ownerOf('42'), ownerOf(Buffer.from([0xff]))];
  assert.equal(
    lines.map((text) => JSON.parse(text)),
    [
      {key: 'x{42}', hashed: '42', shard: one, address: addresses[one]},
      {keyBase64: '/w==', hashedBase64: '/w==', shard: two, address: addresses[two]},
    ],
  );
});

test('-: standard input that is closed has no keys', async () => {
  for (const args of [['-'], ['-', '--json']]) {
    const {status, stdout, stderr} = await locate(args, {stdin: 'closed'});
    assert.equal({status, stdout, stderr}, {status: 0, stdout: '', stderr: ''});
  }
  await inFolder(ketama, async (dir) => {
    const {status, stdout} = spawnSync('sh', ['-c', `exec "$0" "$1" locate - <&-`, process.execPath, binPath], {
      cwd: dir,
      env: cleanEnv(dir),
    });
    assert.is(status, 0);
    assert.is(stdout.length, 0);
  });
});

test('-: a key of 1 MB, between others', async () => {
  const long = Buffer.alloc(1 << 20, 'k');
  const input = Buffer.concat([Buffer.from('a\n'), long, Buffer.from('\nb\n')]);
  assert.equal(await locateBytes(['-'], input), Buffer.concat([line('a'), line(long), line('b')]));
  const encoded = long.toString('base64');
  assert.equal(await locateBytes(['-', '--base64'], Buffer.from(encoded)), line(long, encoded));
});

test('-: a reader that goes away is no error', async () => {
  await inFolder(ketama, async (dir) => {
    for (const args of [['-'], ['-', '--json']]) {
      const child = spawn(process.execPath, [binPath, 'locate', ...args], {cwd: dir, env: cleanEnv(dir)});
      child.stdin.on('error', () => undefined);
      child.stdin.end('user:42\n'.repeat(500_000));
      let stderr = '';
      child.stderr.on('data', (text) => {
        stderr += text;
      });
      child.stdout.once('data', () => child.stdout.destroy());
      const status = await new Promise((resolve) => child.once('close', resolve));
      assert.is(stderr, '');
      assert.is(status, 0);
    }
  });
});

test('-: with a reader that pauses, memory does not grow with the input and no byte is lost', async () => {
  await inFolder(ketama, async (dir) => {
    const report = join(dir, 'rss');
    const measure = `import {writeFileSync} from 'node:fs'; process.on('exit', () => writeFileSync(${JSON.stringify(report)}, String(process.resourceUsage().maxRSS)))`;
    const env = {...cleanEnv(dir), NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(measure)}`};
    const run = async (input: Buffer) => {
      const child = spawn(process.execPath, [binPath, 'locate', '-', '--same-shard'], {cwd: dir, env});
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
      child.stderr.resume();
      const digest = createHash('sha256');
      child.stdout.on('data', (chunk) => digest.update(chunk));
      child.stdout.once('data', () => {
        child.stdout.pause();
        setTimeout(() => child.stdout.resume(), 300);
      });
      assert.is(await new Promise((resolve) => child.once('close', resolve)), 2);
      return {digest: digest.digest('hex'), peakMb: Number(readFileSync(report, 'utf8')) / 1024};
    };
    const few = Buffer.from(`${apart.join('\n')}\n`);
    const times = Math.floor((64 << 20) / few.length);
    const answers = Buffer.concat(apart.map((key) => line(key)));
    const small = await run(few);
    const large = await run(Buffer.concat(new Array(times).fill(few)));
    assert.is(
      large.digest,
      createHash('sha256')
        .update(Buffer.concat(new Array(times).fill(answers)))
        .digest('hex'),
    );
    assert.ok(
      large.peakMb < small.peakMb + 64,
      `${small.peakMb} MB for two keys, ${large.peakMb} MB for 64 MB of them`,
    );
  });
});

// Keys that belong together.

test('--same-shard: exit 2, the groups, and a hash tag that would help', async () => {
  const keys = ['user:42:cart', 'user:42:profile', 'user:42:x', 'user:42:y', 'user:42:z'];
  const shards = [...new Set(keys.map(ownerOf))];
  assert.ok(shards.length > 1, 'the example is one');
  const {status, stdout, stderr} = await locate([...keys, '--same-shard']);
  assert.is(status, 2);
  assert.is(stdout, keys.map((key) => line(key).toString()).join(''), 'the answers are there all the same');
  assert.match(stderr, `warning: The 5 keys are not on one shard but on ${shards.length}: `);
  for (const key of keys.slice(0, 3)) assert.ok(stderr.includes(`"${key}"`), stderr);
  for (const shard of shards) assert.match(stderr, `${shard} ("user:`);
  assert.match(stderr, /share a shard: name them, for example, \{user:42\}:\w+ and \{user:42\}:\w+\.\n$/);

  const machine = await locate([...keys, '--same-shard', '--json']);
  assert.is(machine.status, 2);
  assert.is(machine.stderr, '');
  const {ok, warnings, result} = JSON.parse(machine.stdout);
  assert.equal([ok, result.sameShard, warnings.length], [true, false, 1]);
  assert.match(warnings[0], /not on one shard/);
});

test('--same-shard: exit 0 and not a word when they are together', async () => {
  const {status, stderr} = await locate(['user:{42}:cart', 'user:{42}:profile', '--same-shard']);
  assert.equal({status, stderr}, {status: 0, stderr: ''});
});

test('--same-shard: without a hash tag in the placement none is promised', async () => {
  const {status, stderr} = await locate(
    ['a', 'b', 'c', 'd', '--same-shard'],
    {},
    topologyText('{scheme: modulo, hash: crc32}'),
  );
  assert.is(status, 2);
  assert.match(stderr, /This placement has no hash tag: .*placement\.hashTag/);
});

test('--same-shard with -: any number of keys, a few of them as examples', async () => {
  const keys = plainKeys(10_000, 1).map(String);
  const input = keys.join('\n');
  const {status, stdout, stderr} = await locate(['-', '--same-shard'], {input});
  assert.is(status, 2);
  assert.is(stdout.split('\n').length, 10_001);
  assert.match(stderr, 'The 10,000 keys are not on one shard but on 3: ');
  for (const shard of Object.keys(addresses)) {
    const own = keys.filter((key) => ownerOf(key) === shard);
    const examples = own.slice(0, 3).map((key) => `"${key}"`);
    const more = (own.length - 3).toLocaleString('en-US');
    assert.ok(stderr.includes(`${shard} (${examples.join(', ')} and ${more} more)`), stderr);
  }
  // A stream has no envelope: what is to be said stands on stderr.
  const machine = await locate(['-', '--same-shard', '--json'], {input: apart.join('\n')});
  assert.is(machine.status, 2);
  assert.is(machine.stdout.trimEnd().split('\n').length, 2);
  assert.match(machine.stderr, /^warning: The 2 keys are not on one shard/);
  assert.is((await locate(['-', '--same-shard'], {input: 'x{42}\ny{42}\n'})).status, 0);
});

// What is refused.

const refused: readonly [string, readonly string[], CliOptions, number, RegExp][] = [
  ['no key', [], {}, 64, /No key was given\.[\s\S]*rtopo locate user:42/],
  ['- beside a key', ['-', 'a'], {}, 64, /- means the keys on standard input/],
  ['--null with arguments', ['a', '--null'], {}, 64, /--null is about keys on standard input/],
  ['an argument that is not base64', ['--base64', 'YQ==', 'Y'], {}, 64, /Key 2 on the command line is not base64/],
  [
    'keys and topology on standard input',
    ['-', '--topology', '-'],
    {input: 'a'},
    64,
    /cannot come from standard input here/,
  ],
  ['an unknown flag', ['a', '--explian'], {}, 64, /--explian/],
  ['no topology', ['a', '--topology', 'none.yml'], {}, 78, /There is no topology file none\.yml/],
  ['no topology for -', ['-', '--topology', 'none.yml'], {input: 'a'}, 78, /There is no topology file none\.yml/],
];

for (const [what, args, options, exit, message] of refused) {
  test(`refused: ${what}`, async () => {
    const {status, stdout, stderr} = await locate(args, options);
    assert.is(status, exit);
    assert.is(stdout, '');
    assert.match(stderr, message);
  });
}

test('refused with --json: an envelope for arguments, one line for a stream', async () => {
  const [envelope, stream] = await Promise.all([
    locate(['--base64', 'Y', '--json']),
    locate(['-', '--topology', 'none.yml', '--json'], {input: 'a'}),
  ]);
  assert.is(envelope.status, 64);
  assert.is(stream.status, 78);
  assert.is(stream.stdout.trimEnd().split('\n').length, 1);
  for (const [{stdout, stderr}, code] of [
    [envelope, 'KEY_NOT_BASE64'] as const,
    [stream, 'TOPOLOGY_NOT_FOUND'] as const,
  ]) {
    assert.is(stderr, '');
    const {ok, command, error} = JSON.parse(stdout);
    assert.equal([ok, command, error.code], [false, 'locate', code]);
  }
});

test('refused: a placement that cannot be, with its place in the file', async () => {
  const {status, stdout, stderr} = await locate(['a'], {}, topologyText('{scheme: ketama, hash: md6}'));
  assert.is(status, 78);
  assert.is(stdout, '');
  assert.match(stderr, /rtopo\.yml:3:\d+: .*"md6"/);
});

test('refused: a line that is not base64, after the answers to the lines before it', async () => {
  const input = 'YQ==\nYg==\nno base64\nYw==\n';
  const {status, stdout, stderr} = await locate(['-', '--base64'], {input});
  assert.is(status, 64);
  assert.is(stdout, `${line('a', 'YQ==')}${line('b', 'Yg==')}`);
  assert.match(stderr, /Line 3 of standard input is not base64[\s\S]*code: KEY_NOT_BASE64/);
  const machine = await locate(['-', '--base64', '--json'], {input});
  assert.is(machine.status, 64);
  const lines = machine.stdout.trimEnd().split('\n');
  assert.is(lines.length, 3, 'the failure is one line of the stream');
  const {ok, error} = JSON.parse(lines[2]!);
  assert.equal([ok, error.code, error.details], [false, 'KEY_NOT_BASE64', {line: 3}]);
});

test('refused: a folder as standard input', async () => {
  await inFolder(ketama, async (dir) => {
    const run = spawnSync('sh', ['-c', `exec "$0" "$1" locate - < .`, process.execPath, binPath], {
      cwd: dir,
      env: cleanEnv(dir),
    });
    assert.is(run.status, 64);
    assert.match(run.stderr.toString(), /Standard input is a folder/);
  });
});

test('warned: what an argument may have lost, and what the placement warns of', async () => {
  const {status, stderr} = await locate(['caf\ufffd']);
  assert.is(status, 0);
  assert.match(stderr, /^warning: A key holds U\+FFFD.*--base64/);
  const crc32 = await locate(['a', '--json'], {}, topologyText('{scheme: ketama, hash: crc32}'));
  assert.match(JSON.parse(crc32.stdout).warnings[0], /15 bits/);
  const stream = await locate(['-', '--json'], {input: 'a'}, topologyText('{scheme: ketama, hash: crc32}'));
  assert.match(stream.stderr, /^warning: .*15 bits/);
});

// The same answer by every way.

for (const [placement] of reasons) {
  test(`arguments, standard input and library agree on 1 000 keys: ${placement}`, async () => {
    const text = topologyText(placement);
    const library = owners(text);
    const keys = [...randomKeys(900, 7), ...plainKeys(100, 7)];
    const words = keys.map((key) => key.toString('base64'));
    const end = (key: Buffer) => `\t${library(key)}\t${addresses[library(key)]}\n`;
    const expected = keys.map((key, index) => `${words[index]}${end(key)}`).join('');
    const raw = keys.filter((key) => !key.includes(0));
    const [given, streamed, bytes] = await Promise.all([
      locate(['--base64', ...words], {}, text),
      locate(['-', '--base64'], {input: words.join('\n')}, text),
      locateBytes(['-', '--null'], Buffer.concat(raw.flatMap((key) => [key, Buffer.from([0])])), text),
    ]);
    assert.is(given.stdout, expected);
    assert.is(streamed.stdout, expected);
    assert.equal(bytes, Buffer.concat(raw.flatMap((key) => [key, Buffer.from(end(key))])));
  });
}

test('1 000 keys of any bytes come back from JSON as they were', async () => {
  const keys = randomKeys(1000, 8);
  const words = keys.map((key) => key.toString('base64'));
  const {stdout} = await locate(['-', '--base64', '--json'], {input: words.join('\n')});
  const found = stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  assert.equal(
    found.map(({key, keyBase64}) => keyBase64 ?? Buffer.from(key).toString('base64')),
    words,
  );
  assert.equal(
    found.map(({shard}) => shard),
    keys.map(ownerOf),
  );
});

// The pass itself, where chunks end anywhere.

const format = {null: false, base64: false};
const endings = [Buffer.from('\tx\n'), Buffer.from('\tlonger\n')];
const byLength = {choose: (_: Uint8Array, start: number, end: number) => (end - start) % 2, endings};

/** Everything that comes out when `input` is pushed in pieces of these sizes, again and again. */
function passed(pass: KeyPass, input: Buffer, sizes: readonly number[]): string {
  let out = '';
  for (let at = 0, i = 0; at < input.length; i++) {
    const size = sizes[i % sizes.length]!;
    out += pass.push(input.subarray(at, at + size)).toString('latin1');
    at += size;
  }
  return out + pass.end().toString('latin1');
}

test('wherever chunks end, the answers are the same', () => {
  const next = randomFrom(3);
  for (let round = 0; round < 200; round++) {
    const keys = Array.from({length: next() % 12}, () => 'k'.repeat(next() % 7 === 0 ? 200 : next() % 6));
    const sizes = Array.from({length: 5}, () => 1 + (next() % 40));
    const input = keys.join('\n') + (next() % 2 === 0 ? '\n' : '');
    const lines = input.endsWith('\n') || input === '' ? input.split('\n').slice(0, -1) : input.split('\n');
    const expected = lines.map((key) => key + endings[key.length % 2]).join('');
    assert.is(passed(new KeyPass(format, byLength), Buffer.from(input), sizes), expected);
    const asFunction = new KeyPass(format, (key, echo) => `${echo}${endings[key.length % 2]}`);
    assert.is(passed(asFunction, Buffer.from(input), sizes), expected);
    const encoded = lines.map((key) => Buffer.from(key).toString('base64'));
    const base64 = passed(new KeyPass({...format, base64: true}, byLength), Buffer.from(encoded.join('\n')), sizes);
    // Without its line break, an empty last key cannot be seen.
    const seen = encoded.at(-1) === '' ? encoded.slice(0, -1) : encoded;
    assert.is(base64, seen.map((word, index) => word + endings[lines[index]!.length % 2]).join(''));
  }
});

test('a chunk of nothing but empty keys fits', () => {
  const out = new KeyPass(format, {...byLength, endings: [Buffer.alloc(300, 'e')]}).push(Buffer.alloc(1 << 16, '\n'));
  assert.is(out.length, 300 << 16);
  assert.ok(out.every((byte) => byte === 0x65));
});

test('a key without end is refused before it fills the memory', () => {
  const pass = new KeyPass(format, byLength, 1000);
  assert.is(pass.push(Buffer.from(`a\n${'k'.repeat(900)}`)).toString(), 'a\tlonger\n');
  assert.is(pass.failure, null);
  assert.is(pass.push(Buffer.alloc(200, 'k')).length, 0);
  assert.is(pass.failure?.code, 'KEY_TOO_LONG');
  assert.is(pass.push(Buffer.from('\nb\n')).length, 0, 'nothing more comes out');
  assert.is(pass.end().length, 0);
});

test('base64: what Buffer writes is read, anything else is refused', () => {
  const into = Buffer.alloc(64);
  for (const key of randomKeys(2000, 5)) {
    const word = Buffer.from(`<${key.toString('base64')}>`);
    const length = decodeBase64(word, 1, word.length - 1, into);
    assert.equal(into.subarray(0, length), key);
  }
  for (const word of [
    'Y',
    'YQ',
    'YQ=',
    'YQ===',
    '=',
    '====',
    'Y===',
    'YQ==YQ==',
    'Y Q=',
    'YQ==\r',
    '-_==',
    'YWI=YWI=',
    '\xff\xff\xff\xff',
  ]) {
    const bytes = Buffer.from(word, 'latin1');
    assert.is(decodeBase64(bytes, 0, bytes.length, into), -1, JSON.stringify(word));
  }
});

// What it loads.

test('no answer needs ioredis, and only a terminal needs the table', async () => {
  const look = `import Module from 'node:module'; process.on('exit', () => {
    const found = ['@oclif/core', 'ioredis', 'cli-table3'].filter((name) => Object.keys(Module._cache).some((path) => path.includes('/' + name + '/')));
    process.stderr.write(JSON.stringify(found)); })`;
  const env = {NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(look)}`};
  await inFolder(ketama, async (dir) => {
    // As it is published: without a manifest oclif would import all commands to learn their flags.
    for (const name of ['bin', 'dist', 'package.json'])
      cpSync(join(repositoryRoot, name), join(dir, name), {recursive: true});
    symlinkSync(join(repositoryRoot, 'node_modules'), join(dir, 'node_modules'));
    execFileSync(process.execPath, [join(repositoryRoot, 'scripts/manifest.mjs'), dir], {stdio: 'ignore'});
    for (const args of [['a'], ['a', '--json', '--explain', '--same-shard'], ['-']]) {
      const run = await cli(['locate', ...args], {cwd: dir, bin: join(dir, 'bin/run.js'), env, input: 'a'});
      assert.is(run.status, 0);
      assert.is(run.stderr, '["@oclif/core"]', args.join(' '));
    }
  });
});

test('the examples of its help work', async () => {
  const {stdout} = await cli(['locate', '--help']);
  const examples = [...stdout.split('EXAMPLES')[1]!.matchAll(/\$ rtopo locate (.*)/g)].map((match) => match[1]!);
  assert.ok(examples.length >= 3);
  // Those need servers and other files: help.test.ts runs them.
  for (const example of examples.filter((text) => !/--(check|to|balance)/.test(text))) {
    const words = example.replace(/ < .*/, '').replaceAll("'", '').split(' ');
    const {status, stdout: answer} = await locate(words, {input: 'user:42'});
    assert.is(status, 0, example);
    assert.match(answer, /10\.0\.0|2001/);
  }
});

test.run();
