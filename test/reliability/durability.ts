/**
 * What would be left after a power cut: from a trace of a run's file operations follows which bytes of a file were certainly on the disk, and
 * which names. The rest may be there in part, or not.
 */
import {prng} from '../rig/data.js';

export interface FileFate {
  /** Bytes that an fsync that has returned covers. */
  readonly durableBytes: number;
  /** Whether its name, if this run made it, was synced with its folder. */
  readonly isNameDurable: boolean;
}

interface Growing {
  size: number;
  durable: number;
  isNew: boolean;
  isNameDurable: boolean;
}

/** System calls that the model needs. */
export const tracedCalls =
  'openat,write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink';

/**
 * Reads the trace of `strace -f -yy -s 0`. A write counts when it has returned; an fsync covers what had been written when it was entered.
 * `sizes`: files that were there before the run.
 */
export function fates(trace: string, sizes: ReadonlyMap<string, number>): ReadonlyMap<string, FileFate> {
  const files = new Map<string, Growing>();
  for (const [path, size] of sizes) files.set(path, {size, durable: size, isNew: false, isNameDurable: true});
  const open = new Map<string, Entered>();
  for (const line of trace.split('\n')) {
    const [, tid = 'main', text] = /^(?:(\d+) +)?(.*)$/.exec(line)!;
    const resumed = /^<\.\.\. (\w+) resumed>.*= (-?\d+)/.exec(text!);
    if (resumed !== null) {
      const entered = open.get(tid);
      open.delete(tid);
      if (entered !== undefined) settle(files, entered, Number(resumed[2]));
      continue;
    }
    const [, call, args] = /^(\w+)\((.*)$/.exec(text!) ?? [];
    if (call === undefined || args === undefined) continue;
    const [, from = '', to = ''] = /"([^"]*)".*?"([^"]*)"/.exec(args) ?? [];
    const path = call.startsWith('rename') ? to : pathOf(call, args);
    const entered = {call: `${call}${args.includes('O_CREAT') ? '+' : ''}`, path, from, size: 0};
    entered.size = files.get(entered.path)?.size ?? 0;
    const result = /\) += (-?\d+)/.exec(args)?.[1];
    if (result !== undefined) settle(files, entered, Number(result));
    else open.set(tid, entered);
  }
  return new Map(
    [...files].map(([path, file]) => [
      path,
      {durableBytes: file.durable, isNameDurable: !file.isNew || file.isNameDurable},
    ]),
  );
}

function pathOf(call: string, args: string): string {
  if (call.startsWith('openat')) return /"([^"]*)"/.exec(args)?.[1] ?? '';
  return /^\d+<([^>]*)>/.exec(args)?.[1] ?? /"([^"]*)"/.exec(args)?.[1] ?? '';
}

interface Entered {
  readonly call: string;
  readonly path: string;
  /** Of a rename: the name that goes. */
  readonly from: string;
  /** Of the file when the call was entered. */
  size: number;
}

function settle(files: Map<string, Growing>, {call, path, from, size}: Entered, result: number): void {
  if (result < 0) return;
  const file = files.get(path);
  if (call === 'openat+' && file === undefined)
    files.set(path, {size: 0, durable: 0, isNew: true, isNameDurable: false});
  else if (call.startsWith('rename')) {
    // The content goes along, as far as it was synced; that it has this name now is not on the disk yet.
    const moved = files.get(from) ?? {size: 0, durable: 0};
    files.set(path, {...moved, isNew: true, isNameDurable: false});
    files.delete(from);
  } else if (/^p?writev?(64)?$/.test(call) && file !== undefined) file.size += result;
  else if (call === 'fsync' || call === 'fdatasync') {
    if (file !== undefined) file.durable = Math.max(file.durable, size);
    // The sync of a folder makes the names in it durable.
    for (const [name, one] of files) if (name.slice(0, name.lastIndexOf('/')) === path) one.isNameDurable = true;
  }
}

export const losses = ['none-kept', 'torn', 'zeros', 'holes', 'all-kept'] as const;
/**
 * What became of bytes that were written and not synced: gone; cut off somewhere; cut off, and the file as long as it was with zeros behind;
 * sectors of 512 bytes there or zero, in any combination; all there.
 */
export type Loss = (typeof losses)[number];

export function lose(bytes: Buffer, durableBytes: number, loss: Loss, seed: number): Buffer {
  const random = prng(seed);
  const durable = Math.min(durableBytes, bytes.length);
  const cut = durable + random.int(bytes.length - durable + 1);
  switch (loss) {
    case 'none-kept':
      return bytes.subarray(0, durable);
    case 'torn':
      return bytes.subarray(0, cut);
    case 'zeros':
      return Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(bytes.length - cut)]);
    case 'holes': {
      const left = Buffer.from(bytes);
      for (let at = durable; at < left.length; ) {
        const end = Math.min(left.length, (Math.floor(at / 512) + 1) * 512);
        if (random.int(2) === 0) left.fill(0, at, end);
        at = end;
      }
      return left;
    }
    case 'all-kept':
      return bytes;
  }
}
