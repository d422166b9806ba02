/** What `sandbox up` started. */
export interface SandboxUpReport {
  readonly dir: string;
  readonly topologyFile: string;
  readonly server: {readonly path: string; readonly product: 'redis' | 'valkey'; readonly version: string};
  readonly servers: readonly {
    readonly name: string;
    readonly shard: string;
    readonly address: string;
    readonly pid: number;
    readonly dir: string;
  }[];
  /** Shards that run but are not declared; `add` is what `rebalance --add` takes. */
  readonly spares: readonly {readonly name: string; readonly addresses: readonly string[]; readonly add: string}[];
  /** Commands to try now, in this order. */
  readonly next: readonly string[];
}

/** What `sandbox down` stopped. `wasUp` false: there was no sandbox, and nothing was done. */
export interface SandboxDownReport {
  readonly dir: string;
  readonly wasUp: boolean;
  readonly servers: readonly {
    readonly name: string;
    readonly address: string;
    readonly outcome: 'stopped' | 'killed' | 'gone';
  }[];
  readonly removed: readonly string[];
  /** Files that are not the sandbox's own any more: a topology file that was replaced, a folder with other things in it. */
  readonly kept: readonly string[];
}

/** What `sandbox demo` ran, with the exit code of every step. */
export interface SandboxDemoReport {
  readonly ok: boolean;
  readonly seconds: number;
  readonly steps: readonly {readonly title: string; readonly command: string; readonly exit: number | null}[];
}
