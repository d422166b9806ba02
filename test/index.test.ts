/** The library's door: what other programs import, and what they do not have to load for it. */
import {execFileSync} from 'node:child_process';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {
  addressText,
  ExitCode,
  loadTopology,
  type Placement,
  parseTopology,
  placementOf,
  RtopoError,
} from '../src/index.js';
import {cleanEnv, repositoryRoot} from './rig/cli.js';
import {makeDir, removeDir} from './rig/processes.js';

const test = suite('index');

const file = `version: 1
name: cache
placement: {scheme: ketama, hashTag: "{}"}
shards:
  - {name: alpha, master: "10.0.0.1:6379"}
  - {name: beta, master: "10.0.0.4:6379"}
  - {name: gamma, master: "10.0.0.7:6379"}
`;

/** That the owners are the right ones is proved by test/placement; here it is that they come out. */
function owners(placement: Placement): string[] {
  return ['user:42', 'user:{42}:cart', '42'].map((key) => placement.ownerOf(Buffer.from(key)).name);
}

test('a topology that was parsed answers whose a key is', () => {
  const {topology, check} = parseTopology(file, 'rtopo.yml');
  const placement = check(placementOf);
  const [plain, tagged, tag] = owners(placement);
  assert.is(plain, 'alpha');
  assert.is(tagged, 'gamma');
  assert.is(tagged, tag, 'the hash tag decides');
  const key = Buffer.from('user:42');
  const owner = placement.ownerIndex(key, 0, key.length);
  assert.is(addressText(topology.shards[owner]!.master.address), '10.0.0.1:6379');
});

test('a topology is loaded by name, and errors say where', async () => {
  const dir = makeDir();
  try {
    const path = join(dir, 'mine.yml');
    writeFileSync(path, file);
    const loaded = await loadTopology(path);
    assert.is(loaded.path, path);
    assert.equal(owners(placementOf(loaded.topology)), ['alpha', 'gamma', 'gamma']);
    writeFileSync(path, file.replace('ketama', 'ketma'));
    const broken = await loadTopology(path);
    try {
      broken.check(placementOf);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, RtopoError);
      assert.is((error as RtopoError).exit, ExitCode.topology);
      assert.match((error as RtopoError).message, /mine\.yml:3:\d+: .*"ketma" is unknown\. Did you mean "ketama"\?/);
    }
  } finally {
    removeDir(dir);
  }
});

test('the package is imported by its name, without oclif and without ioredis', () => {
  const dir = makeDir();
  try {
    writeFileSync(join(dir, 'rtopo.yml'), file);
    const program = `
      import Module from 'node:module';
      const {loadTopology, placementOf} = await import('rtopo');
      const {topology, check} = await loadTopology(process.env.FILE);
      const loaded = Object.keys(Module._cache).filter((path) => /@oclif|ioredis|cli-table3/.test(path));
      console.log(JSON.stringify({owner: check(placementOf).ownerOf(Buffer.from('user:42')).name, loaded}));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      // A package may import itself by its name.
      cwd: repositoryRoot,
      env: cleanEnv(dir, {FILE: join(dir, 'rtopo.yml')}),
      encoding: 'utf8',
    });
    assert.equal(JSON.parse(output), {owner: 'alpha', loaded: []});
  } finally {
    removeDir(dir);
  }
});

test.run();
