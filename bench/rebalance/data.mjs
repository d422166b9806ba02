/** The keys and values that move: the same in every run, from the number of the key alone. */

/** One key in ten expires, long after the benchmark. */
const EXPIRES_EVERY = 10;
const TEXT = noise(1 << 16);

/** Characters that no compression shortens: from a generator with a seed. */
function noise(length) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  let [state, text] = [1, ''];
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += letters[state >>> 26];
  }
  return text;
}

/** About 20 bytes, spread like names that were not made for a benchmark. */
export function keyName(i) {
  return `user:${(Math.imul(i + 1, 2654435761) >>> 0).toString(36)}:${i}`;
}

function textOf(i, length) {
  const at = Math.imul(i, 7919) & 0x7fff;
  return length <= 0x8000
    ? TEXT.slice(at, at + length)
    : TEXT.repeat(Math.ceil((at + length) / TEXT.length)).slice(at, at + length);
}

/**
 * The commands that make a key, as RESP text.
 * @param {{valueBytes: number, mixed: boolean, expireAtMs: number}} shape
 */
export function commandsOf(i, shape) {
  const expires = i % EXPIRES_EVERY === 3;
  const expireAtMs = shape.expireAtMs + i;
  const key = keyName(i);
  const kind = shape.mixed ? i % 10 : 0;
  if (kind < 4) {
    const set = ['SET', key, textOf(i, shape.valueBytes)];
    return [expires ? [...set, 'PXAT', expireAtMs] : set];
  }
  return mixedCommands(key, kind, i);
}

/** Small values of the other types; one hash in four hundred is large enough for a table. */
function mixedCommands(key, kind, i) {
  const elements = kind === 4 && i % 2000 === 4 ? 600 : 8;
  const element = (n) => textOf(i + n * 31, 10) + n;
  const each = (toParts) => Array.from({length: elements}, (_, n) => toParts(n)).flat();
  switch (kind) {
    case 4:
    case 5:
      return [['HSET', key, ...each((n) => [`field${n}`, element(n)])]];
    case 6:
      return [['RPUSH', key, ...each((n) => [element(n)])]];
    case 7:
      return [['SADD', key, ...each((n) => [i % 20 === 7 ? i + n : element(n)])]];
    case 8:
      return [['ZADD', key, ...each((n) => [n * 1.5, element(n)])]];
    default:
      return [
        ...Array.from({length: 4}, (_, n) => ['XADD', key, `${i + 1}-${n + 1}`, 'field', element(n)]),
        ['XGROUP', 'CREATE', key, 'workers', '0'],
        ['XREADGROUP', 'GROUP', 'workers', 'first', 'COUNT', 2, 'STREAMS', key, '>'],
      ];
  }
}

/** As one text, which is a byte a character: keys and values are ASCII. */
export function respText(commands) {
  let text = '';
  for (const command of commands) {
    text += `*${command.length}\r\n`;
    for (const part of command) {
      const word = String(part);
      text += `$${word.length}\r\n${word}\r\n`;
    }
  }
  return text;
}
