/**
 * rtopo as a library: which shard owns a key, by the same topology file and the same code as the command line. Nothing here
 * talks to a server.
 *
 * @example
 * import {addressText, loadTopology, placementOf} from 'rtopo';
 *
 * const {topology, check} = await loadTopology(); // rtopo.yml, as the command line finds it; or a path
 * const placement = check(placementOf); // what does not fit is told with file, line and column
 * const key = Buffer.from('user:42'); // keys are bytes
 *
 * placement.ownerOf(key).name; // 'beta'
 * addressText(topology.shards[placement.ownerIndex(key, 0, key.length)].master.address); // '10.0.0.4:6379'
 */
import {type LoadedTopology, loadTopology as load} from './topology/load.js';

export {ExitCode, RtopoError, type RtopoErrorOptions} from './errors.js';
export type {Fact, Placement, SchemeTraits, ShardIdentity, Why} from './placement/placement.js';
export {placementOf} from './placement/schemes.js';
export type {LoadedTopology} from './topology/load.js';
export {parseTopology, type TopologySource} from './topology/parse.js';
export {
  type Address,
  type Auth,
  addressText,
  type Instance,
  type PlacementSpec,
  type SecretSource,
  type Shard,
  type Tls,
  type Topology,
} from './topology/types.js';

/**
 * Reads a topology file: the one at `file`, else the one that `RTOPO_TOPOLOGY` names, else `rtopo.yml` in the working
 * directory or above it. Rejects with an `RtopoError`: `TOPOLOGY_NOT_FOUND`, `TOPOLOGY_UNREADABLE` or `TOPOLOGY_INVALID`,
 * whose `details.problems` have line and column.
 */
export function loadTopology(file?: string): Promise<LoadedTopology> {
  return load({file, env: process.env, cwd: process.cwd()});
}
