/** Help of every command, and every example in it, run as it stands. */
import {readdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {cli, repositoryRoot} from '../rig/cli.js';
import {withServers} from '../rig/servers.js';

const test = suite('commands/help');

const commands = readdirSync(join(repositoryRoot, 'src/commands'), {recursive: true, encoding: 'utf8'})
  .filter((name) => name.endsWith('.ts'))
  .map((name) =>
    name
      .replace(/\.ts$/, '')
      .replace(/\/index$/, '')
      .split('/'),
  )
  .sort();

/** Words of an example, as a shell would split them. */
function words(line: string): string[] {
  return (line.match(/'[^']*'|"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
}

async function examplesOf(command: readonly string[]): Promise<string[]> {
  const {status, stdout, stderr} = await cli([...command, '--help']);
  assert.is(status, 0, stderr);
  assert.is(stderr, '');
  assert.match(stdout, /USAGE/);
  for (const line of stdout.split('\n')) assert.ok(line.length <= 80, `wider than 80 columns: ${line}`);
  const examples = stdout.split('EXAMPLES')[1]?.split(/^[A-Z]+$/m)[0] ?? '';
  // Long examples are wrapped; a line that does not begin with $ belongs to the one before.
  return examples
    .split(/^ +\$ /m)
    .slice(1)
    .map((text) =>
      text
        .split(/\n\s*\n/)[0]!
        .replace(/\s*\n\s+/g, ' ')
        .trim(),
    );
}

for (const command of commands) {
  test(`rtopo ${command.join(' ')} --help, and its examples are understood`, () =>
    withServers(2, async ([a, b], rig) => {
      const examples = await examplesOf(command);
      assert.ok(examples.length >= 2, `${examples.length} examples`);
      for (const name of ['rtopo.yml', 'prod.yml', 'after.yml']) {
        writeFileSync(
          join(rig.dir, name),
          `version: 1\nname: help\nplacement: {scheme: ketama}\nshards:\n  - {name: alpha, master: "${a!.address}"}\n  - {name: beta, master: "${b!.address}"}\n`,
        );
      }
      writeFileSync(
        join(rig.dir, 'phpredis.yml'),
        `version: 1\nname: help\nplacement: {scheme: phpredis}\nshards:\n  - {name: alpha, master: "${a!.address}"}\n  - {name: beta, master: "${b!.address}"}\n`,
      );
      const pool = `  redis: true\n  servers: ["${a!.address}:1 a", "${b!.address}:1 b"]\n`;
      writeFileSync(join(rig.dir, 'nutcracker.yml'), `alpha:\n${pool}beta:\n${pool}`);
      for (const example of examples) {
        const [program, ...args] = words(example.replace(/ [<|>].*$/, ''));
        assert.is(program, 'rtopo');
        // These start eight servers each; test/sandbox and the demo's own test run them.
        if (args[0] === 'sandbox' && args[1] !== 'down') continue;
        const {status, stdout, stderr} = await cli(args, {cwd: rig.dir, input: ''});
        // What the servers answer is not the point here; that the example is valid is. NO_OPERATION says that nothing is
        // unfinished, PLAN_NOT_FOUND that no plan was saved here, CANDIDATE_UNKNOWN that the replica of the example is none here.
        const understood = status !== 64 || /NO_OPERATION|PLAN_NOT_FOUND|CANDIDATE_UNKNOWN/.test(stdout + stderr);
        assert.ok(understood && status !== 1 && status !== 78 && status !== null, `${example}: ${status} ${stderr}`);
      }
    }));
}

test('rtopo --help lists every command', async () => {
  const {status, stdout} = await cli(['--help']);
  assert.is(status, 0);
  for (const [first] of commands) assert.match(stdout, new RegExp(`^ {2}${first} `, 'm'));
});

test.run();
