/** A process that raises a fence and then only lives, to be killed: `raise-fence.ts KIND PORT RECORD-FILE`. Says `up` when the fence stands. */
import {writeFileSync} from 'node:fs';
import {OperationLock} from '../../src/journal/lock.js';
import {type FenceKind, raiseFence} from '../../src/migration/fence.js';
import {parseInfo} from '../../src/redis/info.js';
import {RespSocket} from '../../src/redis/resp/socket.js';

const [kind, port, file] = process.argv.slice(2) as [FenceKind, string, string];
const address = {host: '127.0.0.1', port: Number(port)};
const endpoint = {address, tls: null, auth: null};
const socket = await RespSocket.open(endpoint, 5000);
const runId = parseInfo(String(await socket.call(['INFO', 'server']))).fields.get('run_id')!;
const lock = await OperationLock.take('OP', [{runId, socket}], Date.now());
await raiseFence({
  ...{kind, lock, timeoutMs: 5000, maxMs: 60_000},
  nodes: [{at: `127.0.0.1:${port}`, endpoint, runId}],
  remember: (record) => writeFileSync(file, JSON.stringify(record)),
});
console.log('up');
