/** A file with everything that makes edits hard, and a shard to add. */
import type {NewShard} from '../../src/topology/edit.js';

export const at = (host: string, port = 6379) => ({host, port});
export const GAMMA: NewShard = {name: 'gamma', master: at('10.0.0.9'), replicas: [at('10.0.0.10'), at('::1')]};

export const HEAD = `# who: ops
version: 1   # of the format
name: x
placement: {scheme: ketama}
`;
export const BLOCK = `${HEAD}shards: # all of them
  # in the order of the racks
  - name: alpha # rack 1
    master: 10.0.0.1:6379   # big machine
    replicas:
      - 10.0.0.2:6379  # spare
      - {address: 10.0.0.3:6379, of: 10.0.0.1:6379}
    # more to come

  # rack 2
  - name: beta
    weight: 2
    master:
      address: 10.0.0.6:6379   # old
      priority: 3
    replicas:
    - 10.0.0.7:6379
    -   address: 10.0.0.8:6379
        of: 10.0.0.7:6379
        priority: 9
# the end
auth:
  passwordEnv: P
`;
