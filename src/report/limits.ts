/** What an operator still takes for good, per declared replica; null: any. */
export interface StatusLimits {
  readonly maxLagBytes: number | null;
  readonly maxLagSeconds: number | null;
  readonly maxAckSeconds: number | null;
}

export const NO_LIMITS: StatusLimits = {maxLagBytes: null, maxLagSeconds: null, maxAckSeconds: null};
