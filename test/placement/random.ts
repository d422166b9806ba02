/** Random values that are the same in every run: property checks must not fail on Tuesdays only. */

/** mulberry32: unsigned 32-bit numbers from a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/** Keys of 0 to 40 bytes of any value, braces more often than chance would have them. */
export function randomKeys(count: number, seed: number): Buffer[] {
  const next = randomFrom(seed);
  return Array.from({length: count}, () => {
    const key = Buffer.alloc(next() % 41);
    for (let i = 0; i < key.length; i++) key[i] = next() % 8 === 0 ? [0x7b, 0x7d][next() % 2]! : next();
    return key;
  });
}

/** Keys as applications write them. */
export function plainKeys(count: number, seed: number): Buffer[] {
  const next = randomFrom(seed);
  return Array.from({length: count}, (_, i) => Buffer.from(`user:${next().toString(36)}:${i}`));
}
