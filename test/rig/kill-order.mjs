/**
 * Preloaded like kill-at.mjs: kills the process before or after its N-th write to a socket that carries an order, or counts such writes.
 *
 *   RTOPO_KILL_ORDER    regular expression over what is written, as text
 *   RTOPO_KILL_ORDER_AT 3:before, 3:after
 *   RTOPO_KILL_SIGNAL   SIGSTOP: it stops there instead, until somebody sends SIGCONT
 *   RTOPO_COUNT_ORDERS  file that receives the number of such writes when the process ends by itself
 */
import fs from 'node:fs';
import net from 'node:net';

const order = new RegExp(process.env.RTOPO_KILL_ORDER ?? '$^');
const [wanted, when] = (process.env.RTOPO_KILL_ORDER_AT ?? '0:').split(':');
const countFile = process.env.RTOPO_COUNT_ORDERS;
const {write} = net.Socket.prototype;
let count = 0;

const signal = process.env.RTOPO_KILL_SIGNAL ?? 'SIGKILL';

function die() {
  process.kill(process.pid, signal);
  // The signal needs a moment; nothing may happen in it. Whoever is only stopped goes on afterwards.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, signal === 'SIGKILL' ? 60_000 : 50);
}

net.Socket.prototype.write = function (data, ...rest) {
  if (!order.test(String(data))) return write.call(this, data, ...rest);
  count += 1;
  const here = count === Number(wanted);
  if (here && when === 'before') die();
  const result = write.call(this, data, ...rest);
  if (here && when === 'after') die();
  return result;
};

if (countFile !== undefined) process.on('exit', () => fs.writeFileSync(countFile, String(count)));
