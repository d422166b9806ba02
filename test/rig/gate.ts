/**
 * A gate before a server, in this process: whoever dials it speaks to the real server, and the test decides when an answer passes.
 * For replies that are lost, and for links that fall behind.
 */
import {connect, createServer, type Server as NetServer, type Socket} from 'node:net';

/** What becomes of the answer to a request that was met, once the server has the request. */
export type Fate = 'pass' | 'cut';

export class Gate {
  readonly address: string;
  readonly #listener: NetServer;
  readonly #sockets = new Set<Socket>();
  readonly #held = new Set<Socket>();
  #isHolding = false;
  #meeting: {readonly pattern: RegExp; readonly act: () => Promise<Fate>} | null = null;
  /** After each chunk that the server sends nothing passes for so long, milliseconds. */
  delayMs = 0;
  /** Requests that were met. */
  met = 0;

  private constructor(listener: NetServer, port: number) {
    this.#listener = listener;
    this.address = `127.0.0.1:${(listener.address() as {port: number}).port}`;
    listener.on('connection', (client) => this.#lead(client, port));
  }

  static async before({port}: {readonly port: number}): Promise<Gate> {
    const listener = createServer({noDelay: true});
    await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
    return new Gate(listener, port);
  }

  /** The first request that holds `pattern` reaches the server; its answer waits for `act`. */
  meet(pattern: RegExp, act: () => Promise<Fate>): void {
    this.#meeting = {pattern, act};
  }

  /** Nothing that the server sends passes any more, until `open`. */
  hold(): void {
    this.#isHolding = true;
    for (const socket of this.#sockets) this.#stop(socket);
  }

  open(): void {
    this.#isHolding = false;
    for (const socket of this.#held) socket.resume();
    this.#held.clear();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
  }

  #stop(server: Socket): void {
    server.pause();
    this.#held.add(server);
  }

  #lead(client: Socket, port: number): void {
    const server = connect({host: '127.0.0.1', port, noDelay: true});
    this.#sockets.add(server);
    const end = () => {
      client.destroy();
      server.destroy();
      this.#sockets.delete(server);
    };
    for (const side of [client, server]) side.on('error', end).on('close', end);
    server.on('data', (chunk) => {
      client.write(chunk);
      if (this.delayMs === 0) return;
      server.pause();
      setTimeout(() => this.#isHolding || server.resume(), this.delayMs);
    });
    client.on('data', (chunk) => this.#request(chunk, {client, server, end}));
    if (this.#isHolding) this.#stop(server);
  }

  #request(chunk: Buffer, {server, end}: {client: Socket; server: Socket; end: () => void}): void {
    const meeting = this.#meeting?.pattern.test(chunk.toString('latin1')) === true ? this.#meeting : null;
    if (meeting === null) return void server.write(chunk);
    this.#meeting = null;
    this.met += 1;
    server.pause();
    server.write(chunk, async () => {
      if ((await meeting.act()) === 'cut') end();
      else server.resume();
    });
  }
}
