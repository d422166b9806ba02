/**
 * Secrets do not belong in a topology file. These rules recognise one by its key or by its form, so that the file is
 * refused; and they decide what may never be repeated in a message.
 */
import type {Path} from './problems.js';

const SECRET_KEY =
  /(?:pass|passwd|pass?word|passwort|passwrd|passphrase|pwd|secret|token|credential|credentials|masterauth|requirepass|apikey)$/;

/** `password`, `requirePass`, `replication_password`: a key that promises a secret as its value. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replace(/[^a-z0-9]/g, ''));
}

// Redis URLs: any login. Other URLs (in a passwordCommand, say): only a login with a password.
const REDIS_LOGIN = /\b(?:rediss?|valkeys?|unix):\/\/[^\s@]{0,512}@/i;
const URL_PASSWORD = /\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/@:]{0,255}:[^\s/@]{0,255}@/i;

/** `redis://user:password@host`, `https://user:password@host`. */
export function holdsUrlPassword(text: string): boolean {
  return text.includes('://') && (REDIS_LOGIN.test(text) || URL_PASSWORD.test(text));
}

/** Below these keys nothing of the file is repeated in a message: somebody may have put the password itself there. */
export function isPrivate(path: Path): boolean {
  return path.some((segment) => segment === 'auth' || segment === 'replicationAuth');
}

/** The advice that every finding of a secret gives. */
export const SECRET_ADVICE =
  'a topology file holds no secrets; name where it comes from with passwordEnv, passwordFile or passwordCommand, and change the one that was written here';

export const SECRET_REMEDY =
  'Put the password into an environment variable and write passwordEnv: NAME_OF_THE_VARIABLE.';
