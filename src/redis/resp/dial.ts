/** A connection of the data plane before anything is said over it: TCP, TLS or a Unix socket. */
import {connect as connectTcp, type Socket} from 'node:net';
import {connect as connectTls} from 'node:tls';
import type {RtopoError} from '../../errors.js';
import {isSocket} from '../../topology/types.js';
import {type Endpoint, tlsMaterial} from '../connect.js';
import {networkFault, timeoutFault} from '../faults.js';

/** What the system hands over at once; replies longer than that come in parts. */
const READ_BYTES = 64 * 1024;

/**
 * A connected socket, TLS verified, not logged in yet.
 * @param onChunk is lent what arrives. Over TCP it is read into one buffer again and again, which saves the life of a stream and a large
 * allocation for every few replies. Without it the caller listens to the socket.
 */
export async function dial(
  {address, tls}: Endpoint,
  timeoutMs: number,
  onChunk?: (chunk: Buffer) => void,
): Promise<Socket> {
  const target = isSocket(address) ? {path: address.host} : {host: address.host, port: address.port};
  const onread = onChunk && {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback: (length: number, buffer: Uint8Array) => {
      onChunk(Buffer.from(buffer.buffer, buffer.byteOffset, length));
      return true;
    },
  };
  const socket: Socket =
    tls === null
      ? connectTcp(onread === undefined ? target : {...target, onread})
      : connectTls({...target, ...(await tlsMaterial(tls, address))});
  if (tls !== null && onChunk !== undefined) socket.on('data', onChunk);
  socket.setNoDelay(true);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(timeoutFault(address, 'the connection', timeoutMs)), timeoutMs);
    const fail = (error: RtopoError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => fail(networkFault(address, error, 'the connection'));
    socket.once('error', onError);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}
