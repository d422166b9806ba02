/** Files as a hurried hand or a fuzzer leaves them; the same ones for the same seed. */

/** Files that are right, to begin from. */
export const MUTABLE = [
  'version: 1\nname: x\nshards: [{name: a, master: "h:1"}]\n',
  `version: 1
name: cache
auth: {username: ops, passwordEnv: REDIS}
tls: {ca: ca.pem} # on
placement:
  scheme: ketama
  hashTag: "{}"
shards:
  - name: alpha
    weight: 2
    master: &m 10.0.0.1:6379
    replicas:
      - 10.0.0.2:6379 # second
      - {address: 10.0.0.3:6379, of: 10.0.0.2:6379, priority: 0}
  - {name: beta, master: {address: "[::1]:1", auth: false}, replicas: ["h:1"]}
`,
  JSON.stringify(
    {
      version: 1,
      name: 'x',
      placement: {scheme: 'slots', slots: {a: '0-5', b: 6}},
      shards: [
        {name: 'a', master: 'h:1'},
        {name: 'b', master: 'h:2'},
      ],
    },
    null,
    1,
  ),
];
const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  ',',
  '- ',
  '\n',
  '\n  ',
  '\t',
  '#',
  '"',
  "'",
  '&m ',
  '*m',
  '!t ',
  '|\n',
  '? ',
  '<<',
  '%',
  '@',
  '\\',
  '\u0000',
  '\ud800',
  '\u2028',
  '\ufeff',
  '\r\n',
  '---\n',
  '0',
  '1e9',
  'null',
  '~',
  'of: ',
  'name: ',
  '__proto__: ',
  'password: ',
  'redis://a:b@',
  '10.0.0.2:6379',
];

/** `text` with one to four pieces cut out, copied or put in. */
export function mutated(text: string, random: () => number): string {
  let result = text;
  for (let i = 1 + Math.floor(random() * 4); i > 0; i -= 1) {
    const at = Math.floor(random() * (result.length + 1));
    const length = Math.floor(random() * random() * 30);
    const piece = PIECES[Math.floor(random() * PIECES.length)]!;
    const copy = result.slice(Math.floor(random() * result.length)).slice(0, length);
    const kind = random();
    const middle = kind < 0.5 ? piece : kind < 0.75 ? copy : '';
    result = result.slice(0, at) + middle + result.slice(kind < 0.3 ? at : at + length);
  }
  return result;
}

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
