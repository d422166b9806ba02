/** One report after another of the same topology. What needs more than one look at the servers is kept here between them. */
import type {StatusLimits} from '../report/limits.js';
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import type {Earlier} from './earlier.js';
import type {Journals} from './former.js';
import {withLimits} from './limits.js';
import {sampleOf} from './status.js';

export class Sampler {
  readonly #topology: Topology;
  readonly #limits: StatusLimits;
  readonly #journals: Journals;
  #earlier: Earlier | null = null;

  constructor(topology: Topology, {limits, ...journals}: Journals & {readonly limits: StatusLimits}) {
    this.#topology = topology;
    this.#limits = limits;
    this.#journals = journals;
  }

  /** @param timeoutMs limit for each instance to connect and to answer, in milliseconds */
  async next(timeoutMs: number): Promise<StatusReport> {
    const looks = {journals: this.#journals, earlier: this.#earlier};
    const {report, observation} = await sampleOf(this.#topology, timeoutMs, looks);
    this.#earlier = {first: this.#earlier?.first ?? observation, previous: observation};
    const {topology, healthy, sampledMs, ...rest} = report;
    const sampledAt = new Date().toISOString();
    return withLimits({topology, healthy, sampledMs, sampledAt, ...rest}, this.#limits);
  }
}
