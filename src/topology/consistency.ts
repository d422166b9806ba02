/** What only the file as a whole can show: addresses and names given twice, replicas that follow the wrong instance. */
import {didYouMean} from '../errors.js';
import type {DeclaredInstance, DeclaredShard, Written} from './declared.js';
import {type Path, type Problems, quoted} from './problems.js';
import {addressText, isSocket, sameAddress} from './types.js';

interface Scene {
  readonly shards: readonly DeclaredShard[];
  readonly problems: Problems;
  /** Line of a path, to name the first of two. */
  readonly lineOf: (path: Path) => number;
}

/** The instances of one shard by `addressText`; the first, when an address is given twice. */
type Family = ReadonlyMap<string, DeclaredInstance>;

export function checkConsistency(scene: Scene): void {
  checkNames(scene);
  checkAddresses(scene);
  checkSockets(scene);
  const families = scene.shards.map(familyOf);
  const homes = new Map<string, DeclaredShard>();
  for (const [i, family] of families.entries()) {
    for (const address of family.keys()) {
      homes.set(address, homes.get(address) ?? scene.shards[i]!);
    }
  }
  for (const [i, shard] of scene.shards.entries()) {
    checkParents(shard, families[i]!, homes, scene);
    checkCircles(shard, families[i]!, scene);
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

/** Whoever shares a shard with others has to be dialled by them, now or after a change of master. */
function checkSockets({shards, problems}: Scene): void {
  for (const {instances} of shards) {
    if (instances.length === 1) continue;
    for (const {address, peer} of instances) {
      if (address === null || peer !== null || !isSocket(address.address)) continue;
      problems.add({
        path: address.path,
        at: 'value',
        message: 'The other instances of this shard cannot dial a Unix socket',
        remedy: `Say where they find it: {address: "${addressText(address.address)}", peer: "10.0.0.1:6379"}.`,
      });
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

function checkParents(
  shard: DeclaredShard,
  family: Family,
  homes: ReadonlyMap<string, DeclaredShard>,
  {problems}: Scene,
): void {
  for (const {address, of} of shard.instances) {
    if (of === null) {
      continue;
    }
    const wanted = addressText(of.address);
    if (address !== null && sameAddress(of.address, address.address)) {
      problems.add({path: of.path, at: 'value', message: `${wanted} cannot be a replica of itself`});
    } else if (!family.has(wanted)) {
      problems.add({path: of.path, at: 'value', message: strangerMessage(wanted, family, homes, problems)});
    }
  }
}

function strangerMessage(
  wanted: string,
  family: Family,
  homes: ReadonlyMap<string, DeclaredShard>,
  problems: Problems,
): string {
  const home = homes.get(wanted);
  if (home !== undefined) {
    const owner = home.name === null ? 'another shard' : `shard ${quoted(home.name)}`;
    return `${wanted} belongs to ${owner}: a replica follows an instance of its own shard`;
  }
  // Comparing thousands of wrong addresses with thousands of right ones helps nobody.
  const near = problems.list.length < 20 ? didYouMean(wanted, family.keys()) : null;
  const advice = near === null ? `they are ${[...family.keys()].slice(0, 5).join(', ')}` : `did you mean ${near}?`;
  return `No instance of this shard has the address ${wanted}; ${advice}`;
}

/** Replicas that follow each other never see the master's writes. Each circle is reported once. */
function checkCircles(shard: DeclaredShard, family: Family, {problems}: Scene): void {
  const done = new Set<DeclaredInstance>();
  for (const start of shard.instances) {
    const walk = new Set<DeclaredInstance>();
    let at: DeclaredInstance | undefined = start;
    while (at !== undefined && !done.has(at) && !walk.has(at)) {
      walk.add(at);
      at = at.of === null ? undefined : family.get(addressText(at.of.address));
    }
    if (at !== undefined && walk.has(at)) {
      const steps = [...walk];
      const circle = steps.slice(steps.indexOf(at));
      const names = [...circle, at].map((one) => addressText(one.address!.address));
      const shown = names.length > 10 ? [...names.slice(0, 8), '…', names.at(-1)] : names;
      const message = `These replicas follow each other, so none of them follows the master: ${shown.join(' → ')}`;
      // A replica of itself was said already.
      if (circle.length > 1) {
        problems.add({path: at.of!.path, at: 'value', message});
      }
    }
    for (const one of walk) {
      done.add(one);
    }
  }
}

function familyOf(shard: DeclaredShard): Family {
  const family = new Map<string, DeclaredInstance>();
  for (const instance of shard.instances) {
    const address = instance.address === null ? null : addressText(instance.address.address);
    if (address !== null && !family.has(address)) {
      family.set(address, instance);
    }
  }
  return family;
}
