/**
 * Another client, in a process of its own: PING to each port every 5 ms, whether or not the last one is answered, as clients do
 * not wait for each other either. Tells, when asked to stop, how long the answers took.
 */
import {Wire} from './wire.mjs';

const EVERY_MS = 5;

const ports = process.argv.slice(2).map(Number);
const clients = await Promise.all(
  ports.map(async (port) => ({wire: await Wire.connect(port), times: [], open: new Set()})),
);
const timer = setInterval(() => {
  for (const client of clients) ping(client);
}, EVERY_MS);

process.on('message', async (what) => {
  if (what === 'start') for (const client of clients) client.times.length = 0;
  if (what !== 'stop') return;
  clearInterval(timer);
  await Promise.all(clients.flatMap(({open}) => [...open]));
  process.send(
    clients.map(({times}) => summary(times)),
    () => process.exit(),
  );
});
process.on('disconnect', () => process.exit());
process.send('ready');

function ping({wire, times, open}) {
  const began = performance.now();
  const answered = wire.call('PING').then(
    () => times.push(performance.now() - began),
    () => {},
  );
  open.add(answered);
  answered.then(() => open.delete(answered));
}

function summary(times) {
  const sorted = times.sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  return {p50: at(0.5), p99: at(0.99), max: at(1)};
}
