/** The command line of the harness: which layers, how many cases, from which seed; one line per failure, a table at the end. */
import {parseArgs} from 'node:util';
import {type LayerResult, runLayer} from './campaign.js';
import {layerFigures, writeLayerFigures, writeMutantFigures} from './docs.js';
import {layers} from './layers.js';
import {runMutants} from './mutate.js';

export async function main(argv: readonly string[]): Promise<number> {
  const {values} = parseArgs({
    args: [...argv],
    options: {
      layer: {type: 'string', default: 'all'},
      cases: {type: 'string'},
      seed: {type: 'string', default: '1'},
      lanes: {type: 'string', default: '2'},
      replay: {type: 'string'},
      only: {type: 'string'},
      'write-docs': {type: 'boolean', default: false},
      add: {type: 'boolean', default: false},
    },
  });
  if (values.replay !== undefined) return replay(values.replay);
  const say = (text: string) => console.log(text);
  if (values.layer === 'mutants') {
    const results = await runMutants(values.only, say);
    if (values['write-docs']) writeMutantFigures(results);
    return results.every(({outcome}) => outcome === 'caught') ? 0 : 1;
  }
  const wanted = layers.filter(({name}) => values.layer === 'all' || values.layer === name);
  if (wanted.length === 0) throw new Error(`there is no layer '${values.layer}'`);
  const results: LayerResult[] = [];
  for (const layer of wanted) {
    const before = values.add ? layerFigures(layer.name) : null;
    const write = (result: LayerResult): void => {
      if (values['write-docs']) writeLayerFigures(result, before);
    };
    const cases = values.cases === undefined ? layer.full : Number(values.cases);
    const options = {
      cases,
      seed: Number(values.seed),
      lanes: Number(values.lanes),
      say: (text: string) => console.log(text),
      onPart: write,
    };
    const result = await runLayer(layer, options);
    results.push(result);
    write(result);
    for (const line of layer.summary?.() ?? []) say(line);
  }
  for (const {name, cases, checks, missed, failures, seconds} of results) {
    const more = checks > cases ? `, ${checks} checks` : '';
    console.log(
      `${name}: ${cases} cases${more}, ${failures.length} failed, ${missed} not hit, ${Math.round(seconds)} s`,
    );
  }
  return results.some(({failures, cases}) => failures.length > 0 || cases === 0) ? 1 : 0;
}

/** One case alone, with everything that it has to say. */
async function replay(text: string): Promise<number> {
  const [name, id] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
  const layer = layers.find((one) => one.name === name);
  if (layer === undefined) throw new Error(`there is no layer '${name}'`);
  try {
    console.log(JSON.stringify(await layer.run(id)));
    return 0;
  } catch (error) {
    console.log((error as Error).stack ?? String(error));
    const {actual} = error as {actual?: unknown};
    if (actual !== undefined) console.log('found:', actual);
    return 1;
  }
}
