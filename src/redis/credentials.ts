/**
 * Secrets: where they come from, and that they are remembered for redaction the moment they are known.
 * Never from argv, never from the topology file itself.
 */
import {execFile} from 'node:child_process';
import {readFile, stat} from 'node:fs/promises';
import {ExitCode, RtopoError, rememberSecret} from '../errors.js';
import type {Auth, SecretSource} from '../topology/types.js';

export interface Credentials {
  /** Null: the default user. */
  readonly username: string | null;
  readonly password: string;
}

/** A password command may ask a vault; it may not ask a person, so it has no terminal and a limit. */
const COMMAND_TIMEOUT_MS = 15_000;

const resolved = new Map<string, Promise<string>>();

/**
 * The login behind `auth`. Each source is read once per process.
 * @throws RtopoError `SECRET_UNAVAILABLE` (exit 78) when the variable, file or command gives none.
 */
export async function resolveCredentials(auth: Auth): Promise<Credentials> {
  const id = JSON.stringify(auth.password);
  const password = resolved.get(id) ?? readSecret(auth.password);
  resolved.set(id, password);
  return {username: auth.username, password: await password};
}

async function readSecret(source: SecretSource): Promise<string> {
  const secret = await rawSecret(source);
  // Files and commands end their line; a password never ends in a newline.
  const value = source.from === 'env' ? secret : secret.replace(/\r?\n$/, '');
  if (value === '') throw unavailable(`${describe(source)} is empty`, source);
  rememberSecret(value);
  return value;
}

async function rawSecret(source: SecretSource): Promise<string> {
  switch (source.from) {
    case 'env': {
      const value = process.env[source.name];
      if (value === undefined) throw unavailable(`the environment variable ${source.name} is not set`, source);
      return value;
    }
    case 'file':
      return readSecretFile(source);
    case 'command':
      return runSecretCommand(source);
  }
}

async function readSecretFile(source: SecretSource & {from: 'file'}): Promise<string> {
  try {
    const {mode} = await stat(source.path);
    if ((mode & 0o002) !== 0) {
      throw unavailable(
        `the password file ${source.path} can be written by everybody`,
        source,
        `chmod 600 ${source.path}`,
      );
    }
    return await readFile(source.path, 'utf8');
  } catch (error) {
    if (error instanceof RtopoError) throw error;
    throw unavailable(
      `the password file ${source.path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
      source,
    );
  }
}

function runSecretCommand(source: SecretSource & {from: 'command'}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      '/bin/sh',
      ['-c', source.command],
      {timeout: COMMAND_TIMEOUT_MS, maxBuffer: 64 * 1024, encoding: 'utf8'},
      (error, stdout) => {
        if (!error) resolve(stdout);
        // stderr and stdout of the command stay unseen: either may carry the secret.
        else if (error.killed)
          reject(unavailable(`passwordCommand took longer than ${COMMAND_TIMEOUT_MS / 1000} s`, source));
        else reject(unavailable(`passwordCommand failed with status ${error.code ?? 'unknown'}`, source));
      },
    );
    child.stdin?.end();
  });
}

function describe(source: SecretSource): string {
  switch (source.from) {
    case 'env':
      return `the environment variable ${source.name}`;
    case 'file':
      return `the password file ${source.path}`;
    case 'command':
      return 'the output of passwordCommand';
  }
}

function unavailable(fact: string, source: SecretSource, remedy?: string): RtopoError {
  const hint = source.from === 'env' ? `export ${source.name}=…` : 'run it by hand and look at what it prints';
  return new RtopoError({
    code: 'SECRET_UNAVAILABLE',
    exit: ExitCode.topology,
    message: `No password to log in with: ${fact}.`,
    remedy: remedy ?? (source.from === 'file' ? `ls -l ${source.path}` : hint),
  });
}
