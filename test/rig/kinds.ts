/** Values of every type and encoding, as the commands that create them. */
import type {Random} from './data.js';
import type {Arg} from './raw.js';

export const kinds = [
  'string-empty',
  'string-int',
  'string-short',
  'string-binary',
  'string-10kb',
  'string-compressible',
  'list-small',
  'list-large',
  'set-ints',
  'set-many-ints',
  'set-small',
  'set-large',
  'hash-small',
  'hash-large',
  'hash-long-value',
  'zset-small',
  'zset-large',
  'zset-odd-scores',
  'zset-geo',
  'stream-groups',
  'stream-emptied',
  'stream-large',
  'hll-sparse',
  'hll-dense',
  'bitmap',
] as const;
export type Kind = (typeof kinds)[number];
export type ValueType = 'string' | 'list' | 'set' | 'hash' | 'zset' | 'stream';

interface Value {
  readonly type: ValueType;
  readonly commands: readonly (readonly Arg[])[];
}

type Maker = (key: Buffer, random: Random) => Value;

const value = (type: ValueType, ...commands: (readonly Arg[])[]): Value => ({type, commands});
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({length: count}, (_, i) => make(i));

/** A member that is unique in its collection and may hold any byte. */
function member(random: Random, i: number): Buffer {
  return Buffer.concat([Buffer.from(`${i}:`), random.bytes(random.int(24))]);
}

const makers: Readonly<Record<Kind, Maker>> = {
  'string-empty': (key) => value('string', ['SET', key, '']),
  'string-int': (key, random) => value('string', ['SET', key, random.int(2 ** 31) - 2 ** 30]),
  'string-short': (key, random) => value('string', ['SET', key, `text ${random.int(1e6)}`]),
  'string-binary': (key, random) => value('string', ['SET', key, random.bytes(50 + random.int(300))]),
  'string-10kb': (key, random) => value('string', ['SET', key, random.bytes(10_000 + random.int(500))]),
  'string-compressible': (key, random) => value('string', ['SET', key, `${random.int(1e6)} aaaa `.repeat(300)]),
  'list-small': (key, random) => value('list', ['RPUSH', key, ...many(1 + random.int(8), (i) => member(random, i))]),
  'list-large': (key, random) =>
    value('list', ['RPUSH', key, ...many(300, (i) => Buffer.concat([member(random, i), random.bytes(60)]))]),
  'set-ints': (key, random) => value('set', ['SADD', key, ...many(1 + random.int(30), () => random.int(1e6) - 5e5)]),
  'set-many-ints': (key, random) => value('set', ['SADD', key, ...many(600, (i) => i * 1000 + random.int(1000))]),
  'set-small': (key, random) => value('set', ['SADD', key, ...many(1 + random.int(12), (i) => member(random, i))]),
  'set-large': (key, random) => value('set', ['SADD', key, ...many(220 + random.int(60), (i) => member(random, i))]),
  'hash-small': (key, random) =>
    value('hash', ['HSET', key, ...many(1 + random.int(10), (i) => [member(random, i), random.bytes(10)]).flat()]),
  'hash-large': (key, random) =>
    value('hash', ['HSET', key, ...many(530 + random.int(60), (i) => [member(random, i), random.int(1e9)]).flat()]),
  'hash-long-value': (key, random) => value('hash', ['HSET', key, 'field', random.bytes(500), '', '']),
  'zset-small': (key, random) =>
    value('zset', ['ZADD', key, ...many(1 + random.int(10), (i) => [random.int(100), member(random, i)]).flat()]),
  'zset-large': (key, random) =>
    value('zset', ['ZADD', key, ...many(220, (i) => [random.next() * 1e6, member(random, i)]).flat()]),
  'zset-odd-scores': (key, random) =>
    value(
      'zset',
      ['ZADD', key, 'inf', 'top', '-inf', 'bottom', '0.1', 'tenth', '-3.0000000000000004', 'nearly'],
      ['ZADD', key, '1e-300', 'tiny', '1.7976931348623157e308', 'huge', '5', 'tie-b', '5', 'tie-a', random.next(), ''],
    ),
  'zset-geo': (key, random) =>
    value('zset', [
      'GEOADD',
      key,
      ...many(20, (i) => [random.next() * 360 - 180, random.next() * 170 - 85, `p${i}`]).flat(),
    ]),
  'stream-groups': streamWithGroups,
  'stream-emptied': (key, random) =>
    value(
      'stream',
      ...many(3, (i) => ['XADD', key, `${2000 + i}-${random.int(9)}`, 'f', 'v']),
      ['XGROUP', 'CREATE', key, 'left', '0'],
      ['XTRIM', key, 'MAXLEN', '0'],
    ),
  'stream-large': (key, random) =>
    value('stream', ...many(250, (i) => ['XADD', key, `${5000 + i}-${random.int(9)}`, 'field', random.bytes(30)])),
  'hll-sparse': (key, random) => value('string', ['PFADD', key, ...many(20, () => random.int(1e9))]),
  'hll-dense': (key, random) => value('string', ...many(4, () => ['PFADD', key, ...many(900, () => random.int(1e9))])),
  bitmap: (key, random) => value('string', ...many(20, () => ['SETBIT', key, random.int(40_000), '1'])),
};

/** Two groups, two consumers and an idle one, pending entries delivered once and twice, one acknowledged, two deleted. */
function streamWithGroups(key: Buffer, random: Random): Value {
  const ids = many(12, (i) => `${1_700_000_000_000 + i * 10 + random.int(10)}-${random.int(3)}`);
  return value(
    'stream',
    ...ids.map((id, i) => ['XADD', key, id, `field ${i}`, random.bytes(12), 'same', 'value']),
    ['XGROUP', 'CREATE', key, 'group a', '0'],
    ['XGROUP', 'CREATE', key, Buffer.from([0xff, 0x00, 0x67]), '$'],
    ['XGROUP', 'CREATECONSUMER', key, 'group a', 'idle one'],
    ['XREADGROUP', 'GROUP', 'group a', 'first', 'COUNT', '5', 'STREAMS', key, '>'],
    ['XREADGROUP', 'GROUP', 'group a', 'second', 'COUNT', '3', 'STREAMS', key, '>'],
    ['XCLAIM', key, 'group a', 'second', '0', ids[1]!],
    ['XACK', key, 'group a', ids[0]!],
    ['XDEL', key, ids[3]!, ids[10]!],
  );
}

export function valueCommands(kind: Kind, key: Buffer, random: Random): Value {
  return makers[kind](key, random);
}
