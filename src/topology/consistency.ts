/** What only the file as a whole can show: addresses and names given twice, replicas that follow the wrong instance. */
import {didYouMean} from '../errors.js';
import type {DeclaredInstance, DeclaredShard, Written} from './declared.js';
import {type Path, type Problems, quoted} from './problems.js';
import {type Address, addressText, sameAddress} from './types.js';

interface Scene {
  readonly shards: readonly DeclaredShard[];
  readonly problems: Problems;
  /** Line of a path, to name the first of two. */
  readonly lineOf: (path: Path) => number;
}

export function checkConsistency(scene: Scene): void {
  checkNames(scene);
  checkAddresses(scene);
  for (const shard of scene.shards) {
    checkParents(shard, scene);
    checkCircles(shard, scene);
  }
}

/** A placement is needed as soon as there is a choice of shards. */
export function checkPlacement(shardCount: number, hasPlacement: boolean, problems: Problems): void {
  if (shardCount > 1 && !hasPlacement) {
    problems.add({
      path: ['shards'],
      at: 'key',
      message: `There are ${shardCount} shards and no placement: which keys belong to which shard is not said`,
      remedy: 'Add the scheme that the clients use, for example placement: {scheme: ketama}.',
    });
  }
}

function checkNames({shards, problems, lineOf}: Scene): void {
  const names = new Map<string, Path>();
  const nodes = new Map<string, {path: Path; what: string}>();
  for (const shard of shards) {
    const path = [...shard.path, 'name'];
    const first = shard.name === null ? undefined : names.get(shard.name);
    if (shard.name !== null && first !== undefined) {
      const message = `The shard name ${quoted(shard.name)} was already given on line ${lineOf(first)}`;
      problems.add({path, at: 'value', message});
      continue;
    }
    if (shard.name !== null) {
      names.set(shard.name, path);
    }
    const node = shard.node ?? shard.name;
    if (node === null) {
      continue;
    }
    const own = shard.node === null ? {path, what: 'name'} : {path: [...shard.path, 'node'], what: 'node'};
    const other = nodes.get(node);
    if (other === undefined) {
      nodes.set(node, own);
    } else {
      const where = `the ${other.what} on line ${lineOf(other.path)}`;
      const message = `The ${own.what} ${quoted(node)} is the same as ${where}: clients could not tell the shards apart`;
      problems.add({path: own.path, at: 'value', message});
    }
  }
}

function checkAddresses({shards, problems, lineOf}: Scene): void {
  const instances = shards.flatMap((shard) => shard.instances);
  const addresses = instances.flatMap((instance) => (instance.address === null ? [] : [instance.address]));
  const doubled = new Set<Written>();
  for (const {one, first} of twice(addresses)) {
    doubled.add(one);
    const message = `The address ${addressText(one.address)} is already that of an instance on line ${lineOf(first.path)}`;
    problems.add({path: one.path, at: 'value', message});
  }
  // An instance without `peer` is dialled by the others at its address.
  const peers = instances.flatMap(({peer, address}) => {
    const dialled = peer ?? (address !== null && !doubled.has(address) ? address : null);
    return dialled === null ? [] : [dialled];
  });
  const announced = instances.flatMap(({announce}) => (announce === null ? [] : [announce]));
  for (const [what, list] of [['peer', peers] as const, ['announce', announced] as const]) {
    for (const {one, first} of twice(list)) {
      const message = `The ${what} address ${addressText(one.address)} is already that of an instance on line ${lineOf(first.path)}`;
      problems.add({path: one.path, at: 'value', message});
    }
  }
}

function twice(list: readonly Written[]): readonly {one: Written; first: Written}[] {
  const seen = new Map<string, Written>();
  return list.flatMap((one) => {
    const text = addressText(one.address);
    const first = seen.get(text);
    if (first === undefined) {
      seen.set(text, one);
      return [];
    }
    return [{one, first}];
  });
}

function checkParents(shard: DeclaredShard, {shards, problems}: Scene): void {
  for (const {address, of} of shard.instances) {
    if (of === null || instanceAt(shard, of.address) !== undefined) {
      if (of !== null && address !== null && sameAddress(of.address, address.address)) {
        problems.add({
          path: of.path,
          at: 'value',
          message: `${addressText(address.address)} cannot be a replica of itself`,
        });
      }
      continue;
    }
    const wanted = addressText(of.address);
    const elsewhere = shards.find((other) => instanceAt(other, of.address) !== undefined);
    const known = shard.instances.flatMap((one) => (one.address === null ? [] : [addressText(one.address.address)]));
    const near = didYouMean(wanted, known.slice(0, 200));
    const advice = near === null ? `they are ${known.slice(0, 5).join(', ')}` : `did you mean ${near}?`;
    const message =
      elsewhere === undefined
        ? `No instance of this shard has the address ${wanted}; ${advice}`
        : `${wanted} belongs to ${elsewhere.name === null ? 'another shard' : `shard ${quoted(elsewhere.name)}`}: a replica follows an instance of its own shard`;
    problems.add({path: of.path, at: 'value', message});
  }
}

/** Replicas that follow each other never see the master's writes. Each circle is reported once. */
function checkCircles(shard: DeclaredShard, {problems}: Scene): void {
  const done = new Set<DeclaredInstance>();
  for (const start of shard.instances) {
    const walk: DeclaredInstance[] = [];
    let at: DeclaredInstance | undefined = start;
    while (at !== undefined && !done.has(at) && !walk.includes(at)) {
      walk.push(at);
      at = at.of === null ? undefined : instanceAt(shard, at.of.address);
    }
    const circle = at !== undefined && !done.has(at) ? walk.slice(walk.indexOf(at)) : [];
    if (circle.length > 1) {
      const names = [...circle, circle[0]!].map((one) => addressText(one.address!.address)).join(' → ');
      const message = `These replicas follow each other, so none of them follows the master: ${names}`;
      problems.add({path: circle[0]!.of!.path, at: 'value', message});
    }
    for (const one of walk) {
      done.add(one);
    }
  }
}

function instanceAt(shard: DeclaredShard, address: Address): DeclaredInstance | undefined {
  return shard.instances.find((one) => one.address !== null && sameAddress(one.address.address, address));
}
