/**
 * Writes `oclif.manifest.json`, which spares every start the import of all commands. Part of `prepack`, never committed.
 * Through `@oclif/core` itself, because the `oclif` program needs a newer Node than we do.
 */
import {existsSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {root, runScript, SetupError, say} from './setup.mjs';

await runScript(async () => {
  const dir = process.argv[2] ?? root;
  if (!existsSync(join(dir, 'dist/commands'))) throw new SetupError('There is no dist/commands yet.', 'npm run build');
  const {Plugin} = await import('@oclif/core');
  const plugin = new Plugin({root: dir, type: 'core', ignoreManifest: true, errorOnManifestCreate: true});
  await plugin.load();
  const names = Object.keys(plugin.manifest.commands);
  if (names.length === 0) throw new SetupError('No command was found in dist/commands.', 'npm run build');
  writeFileSync(join(dir, 'oclif.manifest.json'), `${JSON.stringify(plugin.manifest, null, 2)}\n`);
  say(`oclif.manifest.json: ${names.length} commands`);
});
