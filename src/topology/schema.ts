/**
 * The shape of `rtopo.yml`, declared once: it checks the file, and it becomes the published JSON Schema, where the
 * descriptions are the hover text of editors.
 *
 * Messages that begin with `must` follow the name of the key and are followed by what was found instead; other
 * messages follow the name of the key and a colon. What needs more than one place of the file to judge is in
 * `consistency.ts`.
 */
import * as v from 'valibot';
import {address, fileName, NO_CONTROL, name, tcpAddress, wholeNumber} from './fields.js';

const SECRET_KEYS = ['passwordEnv', 'passwordFile', 'passwordCommand'] as const;

function given(value: unknown, keys: readonly string[]): readonly string[] | null {
  return typeof value === 'object' && value !== null ? keys.filter((key) => Object.hasOwn(value, key)) : null;
}

const login = v.pipe(
  v.strictObject(
    {
      username: v.exactOptional(
        v.pipe(
          v.string('must be a user name in text'),
          v.regex(/^[^\s\u0000-\u001f\u007f-\u009f]+$/, 'a user name is not empty and holds no spaces'),
          v.description('ACL user. Without it, the login is to the default user.'),
        ),
      ),
      passwordEnv: v.exactOptional(
        v.pipe(
          v.string('must be the name of an environment variable'),
          v.regex(
            /^[A-Za-z_][A-Za-z0-9_]*$/,
            'this is the name of an environment variable (letters, digits, "_"), never the password itself',
          ),
          v.description('Environment variable that holds the password.'),
        ),
      ),
      passwordFile: v.exactOptional(
        fileName('File whose first line is the password; relative paths start at the folder of this file.'),
      ),
      passwordCommand: v.exactOptional(
        v.pipe(
          v.string('must be a command in text'),
          v.regex(/^\s*[^\s\u0000][^\u0000]*$/, 'the command is empty or holds a NUL character'),
          v.description('Command whose first line of output is the password, for example: pass show redis/ops'),
        ),
      ),
    },
    'must be a mapping with passwordEnv, passwordFile or passwordCommand, or false for no login',
  ),
  v.rawCheck(({dataset, addIssue}) => {
    const keys = given(dataset.value, SECRET_KEYS);
    if (keys !== null && keys.length !== 1) {
      const found = keys.length === 0 ? 'none' : keys.join(' and ');
      addIssue({message: `a login needs exactly one of ${SECRET_KEYS.join(', ')}; here is ${found}`});
    }
  }),
  v.metadata({oneOf: SECRET_KEYS.map((key) => ({required: [key]}))}),
);

function auth(what: string) {
  return v.pipe(
    v.union(
      [login, v.literal(false)],
      'must be a mapping with passwordEnv, passwordFile or passwordCommand, or false for no login',
    ),
    v.description(what),
  );
}

const certificates = v.pipe(
  v.strictObject(
    {
      ca: v.exactOptional(fileName('Certificate authorities to trust, PEM. Without it, those of the system.')),
      cert: v.exactOptional(fileName('Client certificate, PEM; goes with key.')),
      key: v.exactOptional(fileName('Private key of the client certificate, PEM; goes with cert.')),
      serverName: v.exactOptional(
        v.pipe(
          v.string('must be a host name in text'),
          v.regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/, 'this is the host name that stands in the certificate'),
          v.description(
            'Name that the certificate must carry, also sent as SNI. Without it, the host that is dialled.',
          ),
        ),
      ),
    },
    'must be a mapping such as {ca: ca.pem}, {} for the authorities of the system, or false for no TLS',
  ),
  v.rawCheck(({dataset, addIssue}) => {
    const keys = given(dataset.value, ['cert', 'key']);
    if (keys?.length === 1) {
      addIssue({message: `cert and key go together; here is only ${keys[0]}`});
    }
  }),
  v.metadata({dependencies: {cert: ['key'], key: ['cert']}}),
);

function tls(what: string) {
  return v.pipe(
    v.union(
      [certificates, v.literal(false)],
      'must be a mapping such as {ca: ca.pem}, {} for the authorities of the system, or false for no TLS',
    ),
    v.description(what),
  );
}

const instanceEntries = {
  address: address(
    'host:port that rtopo dials, and the name of the instance in every message. IPv6: [2001:db8::1]:6379. Or unix:/path of a socket.',
  ),
  peer: v.exactOptional(tcpAddress('host:port that other servers dial to reach it (REPLICAOF). Default: address.')),
  announce: v.exactOptional(tcpAddress('host:port that it announces to its master (replica-announce-ip and -port).')),
  auth: v.exactOptional(auth('Login of rtopo to this instance; false: none. Default: auth of the topology.')),
  tls: v.exactOptional(tls('TLS to this instance; false: plain TCP. Default: tls of the topology.')),
  priority: v.exactOptional(
    wholeNumber(0, 2_147_483_647, 'replica-priority: the lowest is promoted first, 0 is never promoted.'),
  ),
};

const INSTANCE_MESSAGE = 'must be an address such as 10.0.0.1:6379, or a mapping with the key address';

const master = v.pipe(
  v.union([address('host:port of the master.'), v.strictObject(instanceEntries, INSTANCE_MESSAGE)], INSTANCE_MESSAGE),
  v.description('The instance that takes the writes: host:port, or a mapping.'),
);

const replicaEntries = {
  ...instanceEntries,
  of: v.exactOptional(address('Address of the instance of this shard that it replicates. Default: the master.')),
};

const replica = v.union(
  [address('host:port of a replica of the master.'), v.strictObject(replicaEntries, INSTANCE_MESSAGE)],
  INSTANCE_MESSAGE,
);

const minReplicas = v.pipe(
  v.strictObject(
    {
      toWrite: wholeNumber(
        0,
        1000,
        'min-replicas-to-write: the master refuses writes while fewer replicas keep up; 0 never.',
      ),
      maxLagSeconds: v.exactOptional(
        wholeNumber(1, 86_400, 'min-replicas-max-lag: a replica counts while its last acknowledgement is no older.'),
      ),
    },
    'must be a mapping such as {toWrite: 1, maxLagSeconds: 10}',
  ),
  v.description('How many replicas the master needs to take writes.'),
);

const shard = v.strictObject(
  {
    name: name('Identity of the shard in the placement and in every message. Changing it moves keys.'),
    node: v.exactOptional(
      v.pipe(
        v.string('must be text'),
        v.regex(NO_CONTROL, 'a node identity is not empty and holds no control characters'),
        v.maxLength(512, 'a node identity has at most 512 characters'),
        v.description('The string by which the client knows this shard, when it is not the name.'),
      ),
    ),
    weight: v.exactOptional(wholeNumber(1, 1_000_000, 'Relative share of the keys. Default: 1.')),
    master,
    replicas: v.exactOptional(
      v.pipe(v.array(replica, 'must be a list of addresses'), v.description('The replicas: addresses or mappings.')),
    ),
    minReplicas: v.exactOptional(minReplicas),
  },
  'must be a mapping with name and master',
);

const placement = v.pipe(
  v.looseObject(
    {
      scheme: v.pipe(
        v.string('must be the name of a placement scheme, such as ketama'),
        v.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a scheme is written in lower case, such as ketama'),
        v.description('How the client finds the shard of a key.'),
      ),
      hashTag: v.exactOptional(
        v.pipe(
          v.string('must be text, such as "{}"'),
          v.regex(
            /^(?:[ -~]{2}|redis-cluster|none)$/,
            'a hash tag is two characters such as "{}", or redis-cluster, or none',
          ),
          v.description(
            'Which part of a key is hashed: two delimiters, redis-cluster, or none. Default: as the scheme has it.',
          ),
        ),
      ),
    },
    'must be a mapping with the key scheme',
  ),
  v.description('The rule key → shard. Needed when there is more than one shard.'),
);

/** The whole file. */
export const topologySchema = v.pipe(
  v.strictObject(
    {
      version: v.pipe(v.literal(1, 'must be the number 1'), v.description('Version of this format: 1.')),
      name: name('Name of the topology, in messages and in the journal.'),
      auth: v.exactOptional(auth('How rtopo logs in to the instances. Never a password: only where it comes from.')),
      replicationAuth: v.exactOptional(
        auth('How replicas log in to their master (masteruser, masterauth); false: they do not. Default: auth.'),
      ),
      tls: v.exactOptional(tls('Presence turns TLS on for every instance; {} trusts the authorities of the system.')),
      placement: v.exactOptional(placement),
      shards: v.pipe(
        v.array(shard, 'must be a list of shards'),
        v.minLength(1, 'at least one shard is needed'),
        v.description('The shards. Some placement schemes depend on their order.'),
      ),
    },
    'must be a mapping with version, name and shards',
  ),
  v.title('rtopo topology'),
  v.description('Declared state of plain Redis or Valkey servers: replication and sharding.'),
);

/** The file as it is written, once its shape is right. */
export type TopologyFile = v.InferOutput<typeof topologySchema>;
export type InstanceEntry = v.InferOutput<typeof replica>;
export type AuthEntry = v.InferOutput<ReturnType<typeof auth>>;
export type TlsEntry = v.InferOutput<ReturnType<typeof tls>>;
