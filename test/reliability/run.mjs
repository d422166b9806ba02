/**
 * The reliability harness:
 *
 *   node test/reliability/run.mjs [--layer NAME|all|mutants] [--cases N] [--seed S] [--replay LAYER:ID] [--write-docs [--add]]
 *
 * The layers: layers.ts. `--add` adds the figures to those that docs/reliability.md has, of another seed.
 *
 * It starts the built command line (`npm run build`) against real servers. Needs strace, gcc and redis-server.
 */
import {register} from 'tsx/esm/api';

register();
const {main} = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
