/** Every transport through the battery. */
import {transports} from '../../src/migration/transports/transports.js';
import {transportBattery} from './transport-battery.js';

for (const transport of transports) transportBattery(transport);
