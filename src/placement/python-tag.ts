/**
 * The hash tag of django-redis and redis-shard: `.*\{(.*)\}.*` matched from the beginning. Both stars are greedy, so the tag is what
 * stands between the last opening brace that a closing one follows and the last closing brace, and it may be empty. The dot
 * stops at a line feed, so only the first line counts.
 * Source: django-redis django_redis/client/sharded.py, get_server_name; redis-shard redis_shard/shard.py.
 */
import {find, ownRule, type TagRule} from './tag.js';

const open = 0x7b;
const close = 0x7d;

export const greedyTag: TagRule = ownRule('{}, greedy', ['{', '}'], (bytes, start, end, range) => {
  let to = find(bytes, 0x0a, start, end) - 1;
  while (to > start && bytes[to] !== close) to--;
  let from = to - 1;
  while (from >= start && bytes[from] !== open) from--;
  if (from < start || to <= start) return;
  range[0] = from + 1;
  range[1] = to;
});
