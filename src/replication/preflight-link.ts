/** Pure: what stands in the way of one link that is about to be made, beside the histories of its ends. */
import {escapeText} from '../errors.js';
import {addressText, type Shard} from '../topology/types.js';
import type {Plan, Step} from './plan.js';
import type {Judgement} from './preflight.js';
import {type Remark, refusalOf, type Server, warningOf} from './preflight-server.js';
import {redisCli} from './redis-cli.js';

export interface Linked {
  readonly shard: Shard;
  readonly plan: Plan;
  readonly step: Step & {readonly do: 'replicate-from'};
  readonly child: Server;
  readonly parent: Server;
  /** The master of the shard, whose data it will hold. */
  readonly root: Server;
}

export function judgeLink(link: Linked): Judgement {
  const {shard, step} = link;
  const refused = [...tlsMismatch(link), ...modulesMissing(link), ...evicts(link), ...noSnapshot(link)];
  const warnings = [
    ...evictsLater(link),
    ...functionsReplaced(link),
    ...smallBuffers(link),
    ...snapshotTrouble(link),
    ...flushesFirst(link),
    ...backlogTight(link),
  ];
  return {
    refused: refused.map((remark) => refusalOf(shard, step.instance, remark)),
    warnings: warnings.map((remark) => warningOf(shard, step.instance, remark)),
  };
}

const textOf = ({instance}: Server): string => addressText(instance.address);
const setting = ({reading}: Server, name: string): string | undefined => reading.config?.get(name);

/** `tls-replication` holds for every link that a server makes, and rtopo only ever turns it on. */
function tlsMismatch({child, parent}: Linked): Remark[] {
  const live = setting(child, 'tls-replication');
  const [at, source] = [textOf(child), textOf(parent)];
  if (parent.instance.tls === null && live === 'yes') {
    return [
      {
        code: 'TLS_MISMATCH',
        message: `${at} speaks TLS to its master (tls-replication yes), and ${source} is declared without TLS: that link would never come up.`,
        remedy: `declare the TLS port of ${source} with \`tls:\`, or ${redisCli(child.instance, 'CONFIG SET tls-replication no')}`,
      },
    ];
  }
  if (parent.instance.tls === null || child.reading.config === null || live !== undefined) return [];
  return [
    {
      code: 'TLS_MISMATCH',
      message: `${source} is declared with TLS, and ${at} was built without it.`,
      remedy: `run a server with TLS at ${at}, or declare a plain port of ${source} as its peer`,
    },
  ];
}

/** A replica that meets values of a type it does not know ends its process while it loads. */
function modulesMissing({child, parent}: Linked): Remark[] {
  const [own, theirs] = [child.reading.modules, parent.reading.modules];
  if (own === null || theirs === null) return [];
  const missing = theirs.filter((name) => !own.includes(name)).map(escapeText);
  if (missing.length === 0) return [];
  return [
    {
      code: 'MODULES_MISSING',
      message: `${textOf(parent)} has modules that ${textOf(child)} lacks: ${missing.join(', ')}. A replica that cannot load their values ends its process.`,
      remedy: `load the same modules on ${textOf(child)} (loadmodule in its redis.conf)`,
    },
  ];
}

interface Room {
  readonly maxBytes: number;
  readonly datasetBytes: number;
  readonly isIgnored: boolean;
}

/** Null: there is room, or nobody can tell. */
function tooLittleRoom({child, root}: Linked): Room | null {
  const [maxBytes, datasetBytes] = [Number(setting(child, 'maxmemory') ?? 0), root.reading.datasetBytes ?? 0];
  if (maxBytes === 0 || datasetBytes <= maxBytes) return null;
  return {maxBytes, datasetBytes, isIgnored: setting(child, 'replica-ignore-maxmemory') === 'yes'};
}

function evicts(link: Linked): Remark[] {
  const room = tooLittleRoom(link);
  return room === null || room.isIgnored ? [] : [memoryRemark(link, room)];
}

/** As a replica it holds everything; it is the promotion that would make it evict. */
function evictsLater(link: Linked): Remark[] {
  const room = tooLittleRoom(link);
  return room === null || !room.isIgnored ? [] : [memoryRemark(link, room)];
}

function memoryRemark({child, root}: Linked, {maxBytes, datasetBytes, isIgnored}: Room): Remark {
  const when = isIgnored ? 'As a replica it ignores that; once promoted' : 'It';
  return {
    code: 'MAXMEMORY_TOO_SMALL',
    message:
      `${textOf(child)} may use ${maxBytes} bytes (maxmemory), and ${textOf(root)} holds ${datasetBytes} bytes of data. ` +
      `${when} would evict keys, or refuse writes.`,
    remedy: redisCli(child.instance, `CONFIG SET maxmemory ${memoryOf(root, datasetBytes)}`),
  };
}

const memoryOf = (root: Server, datasetBytes: number): number =>
  Math.max(root.facts.maxMemoryBytes ?? 0, 2 * datasetBytes);

/** A full synchronisation replaces them like the keys. */
function functionsReplaced({step, child, root}: Linked): Remark[] {
  const [own, theirs] = [child.reading.libraries, root.reading.libraries];
  if (step.resync !== 'full' || own === null || theirs === null) return [];
  const gone = own.filter((name) => !theirs.includes(name)).map(escapeText);
  if (gone.length === 0) return [];
  return [
    {
      code: 'FUNCTIONS_REPLACED',
      message: `${textOf(child)} has function libraries that ${textOf(root)} lacks, and will lose them: ${gone.join(', ')}.`,
      remedy: `keep them: ${redisCli(child.instance, 'FUNCTION DUMP')}`,
    },
  ];
}

const MEGABYTE = 1024 * 1024;
/** Above these multiples the writes of a usual load during a transfer no longer fit, and the transfer begins again and again. */
const DATASET_PER_BUFFER = 8;
const DATASET_PER_BACKLOG = 100;

/** `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`; the hard limit of replicas in bytes, 0: none. */
function bufferLimit(text: string | undefined): number {
  const match = /(?:slave|replica) (\d+)/.exec(text ?? '');
  return match === null ? 0 : Number(match[1]);
}

function smallBuffers({step, parent, root}: Linked): Remark[] {
  const dataset = root.reading.datasetBytes ?? 0;
  if (step.resync !== 'full' || dataset < 100 * MEGABYTE) return [];
  const [limit, backlog] = [
    bufferLimit(setting(parent, 'client-output-buffer-limit')),
    Number(setting(parent, 'repl-backlog-size') ?? 0),
  ];
  const at = textOf(parent);
  const remark = (code: string, message: string, parameter: string): Remark => ({
    ...{code, message},
    remedy: redisCli(parent.instance, `CONFIG SET ${parameter}`),
  });
  const double = Math.ceil(dataset / DATASET_PER_BUFFER / MEGABYTE) * MEGABYTE;
  const wanted = Math.ceil(dataset / DATASET_PER_BACKLOG / MEGABYTE) * MEGABYTE;
  return [
    ...(limit > 0 && dataset > limit * DATASET_PER_BUFFER
      ? [
          remark(
            'OUTPUT_BUFFER_SMALL',
            `While ${dataset} bytes travel from ${at}, what is written waits in a buffer of ${limit} bytes; when it is full, the transfer begins anew.`,
            `client-output-buffer-limit "replica ${double} 0 0"`,
          ),
        ]
      : []),
    ...(backlog > 0 && dataset > backlog * DATASET_PER_BACKLOG
      ? [
          remark(
            'BACKLOG_SMALL',
            `The backlog of ${at} holds ${backlog} bytes of ${dataset}: a short interruption costs a full synchronisation.`,
            `repl-backlog-size ${wanted}`,
          ),
        ]
      : []),
  ];
}

/** The snapshot for a replica goes over the disk, and the disk refuses it. */
function noSnapshot({step, parent}: Linked): Remark[] {
  if (step.resync !== 'full' || parent.reading.savedOk !== false) return [];
  if (setting(parent, 'repl-diskless-sync') !== 'no') return [];
  return [snapshotRemark(parent, 'A full synchronisation needs a snapshot on its disk, and would fail too.')];
}

function snapshotTrouble({step, parent}: Linked): Remark[] {
  if (step.resync !== 'full') return [];
  const isDiskless = setting(parent, 'repl-diskless-sync') !== 'no';
  const failing = parent.reading.savedOk === false && isDiskless;
  const saving: Remark = {
    code: 'SAVE_RUNNING',
    message: `${textOf(parent)} is saving or rewriting its append-only file: the snapshot for the replica waits until that is done.`,
    remedy: 'wait, or give more time: --timeout 10m',
  };
  return [...(failing ? [snapshotRemark(parent, '')] : []), ...(parent.reading.saving ? [saving] : [])];
}

function snapshotRemark(parent: Server, consequence: string): Remark {
  return {
    code: 'SNAPSHOT_FAILING',
    message: `The last snapshot of ${textOf(parent)} failed (rdb_last_bgsave_status). ${consequence}`.trim(),
    remedy: `look at its log and its disk, then: ${redisCli(parent.instance, 'BGSAVE')}`,
  };
}

/** Its own copy goes before the first byte of the new one has come. */
function flushesFirst({step, child}: Linked): Remark[] {
  if (step.resync !== 'full' || setting(child, 'repl-diskless-load') !== 'flush-before-load') return [];
  return [
    {
      code: 'FLUSHES_BEFORE_LOAD',
      message: `${textOf(child)} empties itself before the transfer has begun (repl-diskless-load flush-before-load): should that fail, it is empty, and nothing can be undone.`,
      remedy: redisCli(child.instance, 'CONFIG SET repl-diskless-load disabled'),
    },
  ];
}

/** A partial resync is predicted, and what is written until then may outrun the backlog. */
function backlogTight({step, child, parent, root}: Linked): Remark[] {
  const {backlog} = parent.facts;
  const gap = root.facts.lineage.offset - child.facts.lineage.offset;
  if (step.resync !== 'partial' || backlog === null || gap < backlog.sizeBytes / 2) return [];
  return [
    {
      code: 'BACKLOG_TIGHT',
      message: `${textOf(child)} lacks ${gap} bytes, and the backlog of ${textOf(parent)} holds ${backlog.sizeBytes}: the resync may become a full one.`,
      remedy: redisCli(parent.instance, `CONFIG SET repl-backlog-size ${4 * Math.max(gap, backlog.sizeBytes)}`),
    },
  ];
}
