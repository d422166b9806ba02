/**
 * A TCP proxy in this process that stands before a server and breaks the connection in one chosen way at one chosen byte. The topology
 * names the proxy's address, so that to rtopo it is the server.
 */
import {connect, createServer, type Server as NetServer, type Socket} from 'node:net';
import {sleep} from '../rig/wait.js';
import {type Fault, type FaultKind, slice} from './proxy-faults.js';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class TcpProxy {
  readonly address: string;
  readonly bytes = {requests: 0, replies: 0};
  /** Put on every chunk, to give a run some length. */
  delayMs = 0;
  /** Asked for every chunk of requests: how many of its bytes may pass. What may not is held back for ever. */
  admit: ((bytes: number) => number) | null = null;
  /** The fault has come. */
  hasStruck = false;
  readonly #listener: NetServer;
  readonly #pairs = new Set<Pair>();
  #port: number;
  #fault: Fault | null = null;
  #lastMs = performance.now();

  private constructor(listener: NetServer, address: string, port: number) {
    this.#listener = listener;
    this.address = address;
    this.#port = port;
    listener.on('connection', (client) => this.#accept(client));
  }

  static async before(port: number): Promise<TcpProxy> {
    const listener = createServer({noDelay: true});
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    const {port: own} = listener.address() as {port: number};
    return new TcpProxy(listener, `127.0.0.1:${own}`, port);
  }

  arm(fault: Fault): void {
    this.#fault = fault;
    this.hasStruck = false;
  }

  /** No more faults; what hangs is let go of. */
  heal(): void {
    this.#fault = null;
    this.cut();
  }

  /** Another server behind the same address. */
  lead(port: number): void {
    this.#port = port;
    this.cut();
  }

  cut(): void {
    for (const {client, server} of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** Resolves when nothing has passed for a moment. */
  async quiet(): Promise<void> {
    while (performance.now() - this.#lastMs < 15 + this.delayMs) await sleep(5);
  }

  close(): void {
    this.cut();
    this.#listener.close();
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined);
    if (this.hasStruck && this.#isDown()) this.#refuse(client);
    else this.#lead(client);
  }

  #lead(client: Socket): void {
    const server = connect({host: '127.0.0.1', port: this.#port, noDelay: true});
    const pair = {client, server};
    this.#pairs.add(pair);
    const end = () => {
      client.destroy();
      server.destroy();
      this.#pairs.delete(pair);
    };
    server.on('error', end);
    for (const side of [client, server]) side.on('close', end);
    this.#pump(client, (chunk) => this.#request(pair, chunk));
    this.#pump(server, (chunk) => this.#reply(pair, chunk));
  }

  /** Faults that stay meet every new connection too. */
  #isDown(): boolean {
    return this.#fault !== null && !this.#fault.once && !['slow', 'slices'].includes(this.#fault.kind);
  }

  #refuse(client: Socket): void {
    if (this.#fault?.kind === 'swallow' || this.#fault?.kind === 'swallow-replies') {
      this.#pairs.add({client, server: client});
      client.resume();
    } else client.destroy();
  }

  /** Chunks of one direction of one connection keep their order, however long each takes. */
  #pump(from: Socket, pass: (chunk: Buffer) => Promise<void> | void): void {
    let before = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      this.#lastMs = performance.now();
      before = before.then(async () => {
        if (this.delayMs > 0) await sleep(this.delayMs);
        await pass(chunk);
        this.#lastMs = performance.now();
      });
    });
  }

  /** How many bytes of the chunk come before the one at which the fault strikes; null when it does not strike here. */
  #strikes(direction: 'requests' | 'replies', chunk: Buffer, kinds: readonly FaultKind[]): number | null {
    const before = this.bytes[direction];
    this.bytes[direction] += chunk.length;
    const fault = this.#fault;
    if (fault === null || !kinds.includes(fault.kind) || (fault.once && this.hasStruck)) return null;
    if (before + chunk.length <= fault.at) return null;
    this.hasStruck = true;
    return Math.max(0, fault.at - before);
  }

  async #request(pair: Pair, whole: Buffer): Promise<void> {
    const chunk = this.admit === null ? whole : whole.subarray(0, this.admit(whole.length));
    if (chunk.length > 0) await this.#pass(pair, chunk);
  }

  async #pass({client, server}: Pair, chunk: Buffer): Promise<void> {
    const kinds: FaultKind[] = ['cut-before', 'cut-after', 'cut-request', 'reset', 'swallow', 'slow'];
    const passed = this.#strikes('requests', chunk, kinds);
    if (passed === null) {
      server.write(chunk);
      return;
    }
    const {kind} = this.#fault!;
    if (kind === 'slow') {
      await sleep(2000);
      this.delayMs = 25;
      this.#fault = null;
      server.write(chunk);
    } else if (kind === 'reset') {
      client.resetAndDestroy();
      server.destroy();
    } else if (kind === 'cut-after') {
      // Its reply is awaited, so that the request was carried out, and then dropped.
      server.removeAllListeners('data');
      server.once('data', () => client.destroy());
      server.write(chunk);
      setTimeout(() => client.destroy(), 500).unref();
    } else if (kind === 'swallow') client.removeAllListeners('data').resume();
    else {
      if (kind === 'cut-request') server.write(chunk.subarray(0, passed));
      client.destroy();
      server.end();
    }
  }

  async #reply({client, server}: Pair, chunk: Buffer): Promise<void> {
    const passed = this.#strikes('replies', chunk, ['cut-reply', 'swallow-replies', 'slices']);
    if (passed === null) {
      client.write(chunk);
      return;
    }
    const {kind} = this.#fault!;
    if (kind === 'swallow-replies') server.removeAllListeners('data').resume();
    else if (kind === 'slices') await slice(client, chunk);
    else {
      client.write(chunk.subarray(0, passed), () => client.destroy());
      server.destroy();
    }
  }
}
