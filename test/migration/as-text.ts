/** Strings as text and everything else as payloads, the way a move puts the two together, as one transport for the battery. */
import {dumpRestore} from '../../src/migration/transports/dump-restore.js';
import {mayGoAsText, readTexts, textTransport} from '../../src/migration/transports/strings.js';
import type {Announced, Carried, Transport} from '../../src/migration/transports/transport.js';

export const asText: Transport = {
  name: 'strings',
  async carry(batch) {
    const reading = mayGoAsText(batch) ? await readTexts(batch.source, batch.keys, batch.maxPayloadBytes) : null;
    if (reading === null) return dumpRestore.carry(batch);
    const announced: Announced[] = batch.keys.map(() => ({sum: null, of: 'dump', bytes: 0, expireAtMs: -1}));
    const results: Carried[] = new Array(batch.keys.length);
    const texts = reading.texts.map(({key}) => key);
    const rest = [...reading.longer, ...reading.others];
    for (const [keys, transport] of [[texts, textTransport(reading)] as const, [rest, dumpRestore] as const]) {
      if (keys.length === 0) continue;
      const at = (i: number) => batch.keys.indexOf(keys[i]!);
      const announce = async (some: readonly Announced[]) => {
        for (const [i, one] of some.entries()) announced[at(i)] = one;
        await batch.announce(announced);
      };
      const carried = await transport.carry({...batch, keys, announce});
      for (const [i, one] of carried.entries()) results[at(i)] = one;
    }
    return results;
  },
};
