/** One report after another of the same topology. What needs more than one look at the servers is kept here between them. */
import type {StatusLimits} from '../report/limits.js';
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import type {Journals} from './former.js';
import {withLimits} from './limits.js';
import {statusOf} from './status.js';

export class Sampler {
  readonly #topology: Topology;
  readonly #limits: StatusLimits;
  readonly #journals: Journals;

  constructor(topology: Topology, {limits, ...journals}: Journals & {readonly limits: StatusLimits}) {
    this.#topology = topology;
    this.#limits = limits;
    this.#journals = journals;
  }

  /** @param timeoutMs limit for each instance to connect and to answer, in milliseconds */
  async next(timeoutMs: number): Promise<StatusReport> {
    const {topology, healthy, sampledMs, ...rest} = await statusOf(this.#topology, timeoutMs, this.#journals);
    const sampledAt = new Date().toISOString();
    return withLimits({topology, healthy, sampledMs, sampledAt, ...rest}, this.#limits);
  }
}
