/** A server with a clock of its own, which can be set while it runs. Needs gcc. */
import {execFileSync} from 'node:child_process';
import {closeSync, constants, openSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {makeDir} from '../rig/processes.js';
import type {ServerSpec} from '../rig/servers.js';

let library: string | null = null;

/** Compiled once for all cases of this process. */
function preload(): string {
  if (library !== null) return library;
  const out = join(makeDir('rtopo-clock-'), 'clock.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', out, fileURLToPath(new URL('clock.c', import.meta.url))], {
    timeout: 60_000,
  });
  library = out;
  return out;
}

export class Clock {
  readonly #file = join(makeDir('rtopo-clock-'), 'offset');

  constructor() {
    this.set(0);
  }

  /** Ahead of the true time by so many milliseconds. */
  set(offsetMs: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs));
    // In place: the server has mapped this file.
    const fd = openSync(this.#file, constants.O_RDWR | constants.O_CREAT, 0o600);
    writeSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
  }

  /** For any process that shall live by this clock. */
  get env(): Record<string, string> {
    return {LD_PRELOAD: preload(), CLOCK_FILE: this.#file};
  }

  under(spec: ServerSpec): ServerSpec {
    return {...spec, env: this.env};
  }
}
