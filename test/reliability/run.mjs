/**
 * The reliability harness of `rtopo rebalance`:
 *
 *   node test/reliability/run.mjs [--layer kill|faults|proxy|disk|hostile|switchover|gap|all|mutants] [--cases N] [--seed S] [--replay LAYER:ID] [--write-docs]
 *
 * It starts the built command line (`npm run build`) against real servers. Needs strace, gcc and redis-server.
 */
import {register} from 'tsx/esm/api';

register();
const {main} = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
