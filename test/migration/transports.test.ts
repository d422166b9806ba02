/** Every transport through the battery. */
import {dumpRestore} from '../../src/migration/transports/dump-restore.js';
import {asText} from './as-text.js';
import {transportBattery} from './transport-battery.js';

for (const transport of [asText, dumpRestore]) transportBattery(transport);
