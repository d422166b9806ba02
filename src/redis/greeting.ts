/**
 * What a server says to somebody who has said nothing: one that turns everybody away (no room, protected mode) says why and closes.
 * A client that has begun to write by then loses that line, because writing to a closed connection throws away what was received.
 */
import {connect} from 'node:net';
import type {RtopoError} from '../errors.js';
import type {Address} from '../topology/types.js';
import {replyFault} from './faults.js';

const TURNED_AWAY = /^-((?:DENIED |ERR max number of clients)[^\r\n]*)/;

/** A server that does not turn people away waits for them to speak: it is not waited for longer than this, in milliseconds. */
const PATIENCE_MS = 300;
const LIMIT_BYTES = 4096;

/** Why the server turns everybody away, or null when it does not say. Plain TCP only; never throws. */
export function greetingFault(address: Address, doing: string): Promise<RtopoError | null> {
  return new Promise((resolve) => {
    const socket = connect({host: address.host, port: address.port});
    let text = '';
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      const said = TURNED_AWAY.exec(text)?.[1];
      resolve(said === undefined ? null : replyFault(address, said, doing));
    };
    const timer = setTimeout(done, PATIENCE_MS);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > LIMIT_BYTES || text.includes('\n')) done();
    });
    socket.on('error', done).on('close', done);
  });
}
