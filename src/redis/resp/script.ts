/** A Lua script as a server runs it: sent by its digest, and once in full where the server does not know it yet. */
import {createHash} from 'node:crypto';

export interface Script {
  readonly text: string;
  /** What EVALSHA takes: SHA-1 of the text, in hex. */
  readonly sha: string;
  /** One that writes nothing is sent as EVALSHA_RO: replicas and servers whose writes are paused run it too. */
  readonly readOnly: boolean;
}

export function script(text: string, {readOnly = false}: {readonly readOnly?: boolean} = {}): Script {
  return {text, sha: createHash('sha1').update(text).digest('hex'), readOnly};
}
