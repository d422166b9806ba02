/** What of a payload is compared. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {dumpBody, dumpCrc} from '../../src/migration/digest.js';

const test = suite('migration/digest');

test('the footer of a payload is not its value', () => {
  const footer = Buffer.alloc(10, 1);
  assert.equal(dumpBody(Buffer.concat([Buffer.from('value'), footer])), Buffer.from('value'));
  assert.is(dumpBody(Buffer.alloc(3)).length, 0);
  assert.equal(dumpCrc(Buffer.from('value and 12345678')), Buffer.from('12345678'));
});

test.run();
