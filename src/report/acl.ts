/** The access that a command of rtopo needs, as rules for the servers. */
export interface AclReport {
  readonly command: string;
  readonly users: readonly {
    readonly user: string;
    /** What logs in with it: rtopo itself, or a replica to its master. */
    readonly for: 'rtopo' | 'replicas';
    /** Without the user and the secret. */
    readonly rules: readonly string[];
    /** To be pasted, with the secret put in the place of SECRET. */
    readonly line: string;
  }[];
}
