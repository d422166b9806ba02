/** The commands of a replication stream, in any pieces; what is no such stream ends in a ProtocolError, at once and in bounded memory. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {CommandStream, type StreamedCommand} from '../../src/redis/resp/command-stream.js';
import {ProtocolError} from '../../src/redis/resp/decode.js';
import {encodeCommands} from '../../src/redis/resp/encode.js';
import {prng, type Random, seedOfRun} from '../rig/data.js';

const test = suite('resp/command-stream');

const b = (text: string): Buffer => Buffer.from(text, 'latin1');

function read(chunks: readonly Buffer[], lengthBytes = chunks.reduce((sum, {length}) => sum + length, 0)) {
  const commands: (string | null)[][] = [];
  const stream = new CommandStream(lengthBytes, ({argc, args}: StreamedCommand) => {
    assert.ok(args.length <= argc);
    commands.push(args.map((arg) => arg?.toString('latin1') ?? null));
  });
  for (const chunk of chunks) stream.push(chunk);
  return {commands, isDone: stream.isDone};
}

const single = (bytes: Buffer): Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));

function pieces(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.int(4) === 0 ? 1 + random.int(2000) : 1 + random.int(5);
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

test('commands, whole and byte by byte', () => {
  const commands = [
    ['SELECT', '3'],
    ['SET', 'a\r\nb', ''],
    ['PING'],
    ['MSET', '\x00\xff', '*1\r\n$4\r\nPING\r\n', '', ''],
  ];
  const bytes = encodeCommands(commands.map((command) => command.map(b)));
  assert.equal(read([bytes]), {commands, isDone: true});
  assert.equal(read(single(bytes)), {commands, isDone: true});
});

test('the same commands whatever the pieces', () => {
  const seed = seedOfRun();
  const random = prng(seed);
  for (let round = 0; round < 300; round++) {
    const commands = Array.from({length: 1 + random.int(20)}, () =>
      Array.from({length: 1 + random.int(5)}, () => random.bytes(random.int(random.int(5) === 0 ? 3000 : 12))),
    );
    const wanted = commands.map((command) => command.map((arg) => arg.toString('latin1')));
    const found = read(pieces(encodeCommands(commands), random));
    assert.equal(found, {commands: wanted, isDone: true}, `RTOPO_SEED=${seed}, round ${round}`);
  }
});

test('it stops where it was to stop, and what comes behind is not looked at', () => {
  const bytes = encodeCommands([['SET', 'a', '1'], ['PING']]);
  const ending = encodeCommands([['SET', 'a', '1']]).length;
  assert.equal(read([bytes], ending), {commands: [['SET', 'a', '1']], isDone: true});
  assert.equal(read([bytes.subarray(0, ending), b('garbage')], ending), {commands: [['SET', 'a', '1']], isDone: true});
  assert.is(read([bytes.subarray(0, ending - 1)], ending).isDone, false);
  assert.equal(read([b('anything')], 0), {commands: [], isDone: true});
  for (let at = 1; at < bytes.length; at++) {
    if (at === ending) continue;
    assert.throws(
      () => read(single(bytes.subarray(0, at)), at),
      (error: unknown) => error instanceof ProtocolError,
      `a command that goes on behind byte ${at}`,
    );
  }
});

test('an argument that is too large is read over, without being kept', () => {
  const large = Buffer.alloc(200_000, 'x');
  const bytes = encodeCommands([['SET', 'k', large], ['SET', large, 'v'], ['PING']]);
  const commands = [['SET', 'k', null], ['SET', null, 'v'], ['PING']];
  assert.equal(read([bytes]).commands, commands);
  assert.equal(read(pieces(bytes, prng(1))).commands, commands);
});

test('a command with a million arguments keeps some of them, and says how many there were', () => {
  let seen: StreamedCommand | null = null;
  const bytes = encodeCommands([['MSET', ...Array.from({length: 1_000_000}, (_, i) => `key:${i}`)]]);
  const stream = new CommandStream(bytes.length, (command) => {
    seen = command;
  });
  stream.push(bytes);
  assert.is(seen!.argc, 1_000_001);
  assert.ok(seen!.args.length < 300_000, 'bounded');
  assert.is(seen!.args[1]!.toString(), 'key:0');
});

test('what is no stream of commands is refused', () => {
  const filler = 'x'.repeat(2000);
  const hostile = [
    'PING\r\n',
    '\n*1\r\n$4\r\nPING\r\n',
    '+OK\r\n',
    '*0\r\n',
    '*-1\r\n',
    '*\r\n',
    '* 1\r\n',
    '*1\n$4\r\n',
    '*1\r\r',
    '*1e3\r\n',
    '*0x1\r\n',
    '*9999999999999\r\n',
    '*999999999999\r\n',
    '*335\r\n',
    '*00000000000000000001\r\n',
    '*1\r\n*1\r\n',
    '*1\r\n:4\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n$1999\r\n',
    '*1\r\n$536870912\r\n',
    '*1\r\n$999999999999\r\n',
    '*1\r\n$4\r\nPINGx\n',
    '*1\r\n$4\r\nPING\rx',
  ];
  for (const text of hostile) {
    for (const chunks of [[b(text + filler)], single(b(text + filler))]) {
      assert.throws(
        () => read(chunks, 2000),
        (error: unknown) => error instanceof ProtocolError,
        JSON.stringify(text),
      );
    }
  }
});

test('random bytes never give anything but commands or a ProtocolError, and always an end', () => {
  const seed = seedOfRun();
  const random = prng(seed);
  const alphabet = [...b('*$$0123456789\r\n\r\n\r\nab\xff')];
  let [refused, accepted] = [0, 0];
  for (let round = 0; round < 3000; round++) {
    const head = random.int(3) === 0 ? encodeCommands([['SET', random.bytes(random.int(9)), 'v']]) : b('');
    const bytes = Buffer.concat([head, Buffer.from(Array.from({length: random.int(60)}, () => random.pick(alphabet)))]);
    // One byte wrong, now and then.
    if (bytes.length > 0 && random.int(2) === 0) bytes[random.int(bytes.length)] = random.int(256);
    try {
      read(pieces(bytes, random), random.int(80));
      accepted += 1;
    } catch (error) {
      refused += 1;
      assert.instance(error, ProtocolError, `RTOPO_SEED=${seed}: ${JSON.stringify(bytes.toString('latin1'))}`);
    }
  }
  assert.ok(refused > 1000 && accepted > 20, `${refused} refused, ${accepted} read`);
});

test.run();
