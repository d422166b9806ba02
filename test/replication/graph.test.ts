/** Who follows whom: under aliases, NAT, and the same port on every host. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {byLevel, listedBy, liveParent, nodesOf, undeclared} from '../../src/replication/graph.js';
import {addressText} from '../../src/topology/types.js';
import {attached, instance, leading, listed, observed, shard} from './worlds.js';

const test = suite('replication/graph');

function view(...[declared, world]: [Parameters<typeof nodesOf>[0], Parameters<typeof observed>[0]]) {
  const nodes = nodesOf(declared, observed(world));
  const node = (at: string) => nodes.find(({instance: one}) => addressText(one.address) === at)!;
  const parent = (at: string) => {
    const found = liveParent(node(at), nodes);
    return found === null ? null : addressText(found.instance.address);
  };
  const entry = (child: string, of: string) => listedBy({child: node(child), parent: node(of)}, nodes);
  return {nodes, node, parent, entry};
}

test('the same port on every host: each replica has its own entry, and a chain is seen as one', () => {
  const [m, r, s] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];
  const seen = view(shard(m, [instance(r, m), instance(s, m)]), {
    [m]: leading([r]),
    [r]: attached(m, {replicas: [listed(s)]}),
    [s]: attached(r),
  });
  assert.is(seen.parent(r), m);
  assert.is(seen.parent(s), r);
  assert.is(seen.entry(r, m)?.host, '10.0.0.2');
  assert.is(seen.entry(s, m), null);
  assert.equal(undeclared(seen.node(m), seen.nodes), []);
});

test('declared by host name, live by IP: the dialled IP joins them', () => {
  const [m, r, s] = ['one.lan:6379', 'two.lan:6379', 'three.lan:6379'];
  const seen = view(shard(m, [instance(r, m), instance(s, m)]), {
    [m]: {ip: '10.0.0.1', facts: leading(['10.0.0.2:6379', '10.0.0.3:6379', '10.0.0.66:6379'])},
    [r]: {ip: '10.0.0.2', facts: attached('10.0.0.1:6379')},
    [s]: {ip: '10.0.0.3', facts: attached('10.0.0.1:6379')},
  });
  assert.is(seen.parent(r), m);
  assert.is(seen.entry(s, m)?.host, '10.0.0.3');
  assert.equal(
    undeclared(seen.node(m), seen.nodes).map(({host}) => host),
    ['10.0.0.66'],
  );
});

test('names are compared without case; IPv6 too', () => {
  const [m, r] = ['Redis-1.lan:6379', '[2001:db8::2]:6379'];
  const seen = view(shard(m, [instance(r, m)]), {
    [m]: leading(['[2001:db8::2]:6379']),
    [r]: attached('redis-1.LAN:6379'),
  });
  assert.is(seen.parent(r), m);
  assert.is(seen.entry(r, m)?.host, '2001:db8::2');
});

test('through NAT: by one history and the only entry with its port', () => {
  const [m, r] = ['127.0.0.1:7001', '127.0.0.1:7002'];
  const seen = view(shard(m, [instance(r, m)]), {[m]: leading(['172.17.0.1:7002']), [r]: attached('redis-a:6379')});
  assert.is(seen.parent(r), m);
  assert.is(seen.entry(r, m)?.host, '172.17.0.1');
});

test('through NAT: two that may be meant are none', () => {
  const [m, r, s] = ['nat:7001', 'nat-b:6379', 'nat-c:6379'];
  const seen = view(shard(m, [instance(r, m), instance(s, m)]), {
    [m]: leading(['172.17.0.1:6379', '172.17.0.2:6379']),
    [r]: attached('redis-a:6379'),
    [s]: attached('redis-a:6379'),
  });
  assert.is(seen.parent(r), null);
  assert.is(seen.entry(r, m), null);
});

test('an unknown parent with another history, or a link that is down, is nobody', () => {
  const [m, r] = ['127.0.0.1:7001', '127.0.0.1:7002'];
  for (const over of [{linkUp: false}, {lineage: {replid: 'z', replid2: null, secondOffset: null, offset: 1}}]) {
    const seen = view(shard(m, [instance(r, m)]), {[m]: leading(['172.17.0.1:7002']), [r]: attached('x:6379', over)});
    assert.is(seen.parent(r), null);
  }
});

test('a peer address and an announced one are names too; itself is no parent', () => {
  const m = instance('127.0.0.1:7001', null, {peer: {host: 'redis-a', port: 6379}});
  const r = instance('127.0.0.1:7002', '127.0.0.1:7001', {announce: {host: '10.9.9.9', port: 1}});
  const seen = view(shard(m, [r]), {
    '127.0.0.1:7001': leading(['10.9.9.9:1']),
    '127.0.0.1:7002': attached('redis-a:6379'),
  });
  assert.is(seen.parent('127.0.0.1:7002'), '127.0.0.1:7001');
  assert.is(seen.entry('127.0.0.1:7002', '127.0.0.1:7001')?.host, '10.9.9.9');
  const own = view(shard(m, [r]), {'127.0.0.1:7002': attached('127.0.0.1:7002')});
  assert.is(own.parent('127.0.0.1:7002'), null);
});

test('levels: parents come first, whatever the order of the file', () => {
  const s = shard('h:1', [
    instance('h:4', 'h:3'),
    instance('h:3', 'h:2'),
    instance('h:2', 'h:1'),
    instance('h:5', 'h:1'),
  ]);
  assert.equal(
    byLevel(s).map(({instance: one, level}) => [one.address.port, level]),
    [
      [2, 1],
      [5, 1],
      [3, 2],
      [4, 3],
    ],
  );
});

test.run();
