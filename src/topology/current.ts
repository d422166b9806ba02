/** The topology that a command works on: its `--topology`, the environment, the working directory and standard input put together. */
import {usageError} from '../errors.js';
import {type LoadedTopology, loadTopology, topologyPath} from './load.js';

/** @param file value of `--topology` */
export function currentTopology(file: string | undefined): Promise<LoadedTopology> {
  return loadTopology({file, env: process.env, cwd: process.cwd(), stdin: readStandardInput});
}

/** @param file value of `--topology` */
export function currentTopologyPath(file: string | undefined): Promise<string> {
  return topologyPath({file, env: process.env, cwd: process.cwd()});
}

async function readStandardInput(limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limitBytes) {
      throw usageError({
        message: `Standard input is longer than ${limitBytes} bytes: that is no topology.`,
        remedy: 'name a file with --topology FILE',
      });
    }
  }
  return Buffer.concat(chunks).toString('utf8');
}
