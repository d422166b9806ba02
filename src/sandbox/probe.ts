/** Asks a local server who it is: one INFO on one socket. It never fails; a server that does not answer is null. */
import {connect, createServer} from 'node:net';

export interface ServerSelf {
  readonly pid: number;
  /** Absolute path, or empty when it runs without a file. */
  readonly configFile: string;
}

const request = '*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n';
const longestReply = 65_536;

export function askServer(port: number, timeoutMs: number): Promise<ServerSelf | null> {
  return new Promise((resolve) => {
    const socket = connect({host: '127.0.0.1', port});
    const end = (self: ServerSelf | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(self);
    };
    const timer = setTimeout(() => end(null), timeoutMs);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk: string) => {
      text += chunk;
      const pid = /\r\nprocess_id:(\d+)\r\n/.exec(text)?.[1];
      const configFile = /\r\nconfig_file:([^\r\n]*)\r\n/.exec(text)?.[1];
      if (pid !== undefined && configFile !== undefined) end({pid: Number(pid), configFile});
      // An error, another product, or a flood: nobody we know.
      else if (!text.startsWith('$') || text.length > longestReply) end(null);
    });
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
  });
}

/** Whether a server could listen at the port now. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({host: '127.0.0.1', port, exclusive: true}, () => probe.close(() => resolve(true)));
  });
}
