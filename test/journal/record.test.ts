/** The journal tells the truth or nothing: torn ends are dropped, every other damage is found, at every byte. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {EMPTY_TAIL, peekLast, readJournal} from '../../src/journal/reading.js';
import {Journal} from '../../src/journal/record.js';
import {makeDir, removeDir} from '../rig/processes.js';

const test = suite('journal/record');

type Entry = {readonly type: string; readonly text?: string; readonly keys?: readonly string[]};

const entries: readonly Entry[] = [
  {type: 'begin', text: 'ключ "quoted" \n line'},
  {type: 'copy', keys: ['AAA=', '//8=']},
  {type: 'copied', keys: []},
  {type: 'end'},
];

async function withDir(body: (dir: string) => unknown): Promise<void> {
  const dir = makeDir('rtopo-journal-');
  try {
    await body(dir);
  } finally {
    removeDir(dir);
  }
}

async function written(dir: string, name = 'one.jsonl'): Promise<string> {
  const path = join(dir, name);
  const journal = Journal.create<Entry>(path);
  for (const [i, entry] of entries.entries()) await journal.append(entry, 1000 + i);
  await journal.close();
  return path;
}

/** The records without what the journal adds; or the code of the refusal. */
function read(path: string): {records: Entry[]; refused: string | null} {
  const records: Entry[] = [];
  try {
    for (const {record} of readJournal<Entry>(path)) {
      const {seq, t, sha, ...own} = record as typeof record & {seq: number; sha: string};
      assert.is(seq, records.length + 1);
      assert.is(t, 1000 + records.length);
      assert.is(sha.length, 16);
      records.push(own);
    }
    return {records, refused: null};
  } catch (error) {
    return {records, refused: codeOf(error)};
  }
}

function codeOf(error: unknown): string {
  assert.instance(error, RtopoError);
  return (error as RtopoError).code;
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return codeOf(error);
  }
  throw new Error('was not refused');
}

async function rejection(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return codeOf(error);
  }
  throw new Error('was not refused');
}

test('what is appended is read back, in order, private to its owner', async () => {
  await withDir(async (dir) => {
    const path = await written(dir);
    assert.equal(read(path), {records: [...entries], refused: null});
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.is(peekLast<Entry>(path)?.type, 'end');
  });
});

test('a name that exists is never written over, a link never followed', async () => {
  await withDir(async (dir) => {
    const path = await written(dir);
    const before = readFileSync(path);
    assert.is(
      refusal(() => Journal.create(path)),
      'JOURNAL_FAILED',
    );
    symlinkSync(path, join(dir, 'link.jsonl'));
    assert.is(
      refusal(() => Journal.create(join(dir, 'link.jsonl'))),
      'JOURNAL_FAILED',
    );
    assert.is(read(join(dir, 'link.jsonl')).refused, 'JOURNAL_FAILED');
    assert.equal(readFileSync(path), before);
  });
});

test('torn at any byte of the last record, it is as before that record, and goes on', async () => {
  await withDir(async (dir) => {
    const whole = readFileSync(await written(dir));
    const start = whole.lastIndexOf(10, whole.length - 2) + 1;
    const path = join(dir, 'torn.jsonl');
    for (let end = start; end < whole.length; end++) {
      writeFileSync(path, whole.subarray(0, end), {mode: 0o600});
      assert.equal(read(path), {records: entries.slice(0, 3), refused: null}, `torn at ${end}`);
      assert.is(peekLast<Entry>(path)?.type, 'copied');
      let tail = EMPTY_TAIL;
      for (const one of readJournal<Entry>(path)) tail = one.tail;
      const journal = Journal.resume<Entry>(path, tail);
      await journal.append(entries[3]!, 1003);
      await journal.close();
      assert.equal(readFileSync(path), whole, `continued at ${end}`);
    }
  });
});

test('a former writer that wakes up writes where nobody reads, and one that sleeps over its own taking over ends', async () => {
  await withDir(async (dir) => {
    const path = await written(dir);
    const tail = [...readJournal<Entry>(path)].at(-1)!.tail;
    const former = Journal.resume<Entry>(path, tail);
    let heir: Journal<Entry> | null = null;
    const refused = refusal(() =>
      Journal.resume<Entry>(path, tail, () => {
        heir = Journal.resume<Entry>(path, tail);
      }),
    );
    assert.is(refused, 'JOURNAL_FAILED');
    await former.append({type: 'late'}, 1004);
    await heir!.append({type: 'heir'}, 1004);
    await former.append({type: 'later'}, 1005);
    await Promise.all([former.close(), heir!.close()]);
    assert.equal(read(path), {records: [...entries, {type: 'heir'}], refused: null});
    assert.equal(readdirSync(dir), ['one.jsonl']);
  });
});

test('a flipped bit at any byte is damage, or changes nothing that was said', async () => {
  await withDir(async (dir) => {
    const whole = readFileSync(await written(dir));
    const path = join(dir, 'flipped.jsonl');
    const last = whole.length - 1;
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [0x01, 0x20, 0x80]) {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= bit;
        writeFileSync(path, bytes, {mode: 0o600});
        const {records, refused} = read(path);
        const isPrefix = records.every((record, i) => JSON.stringify(record) === JSON.stringify(entries[i]));
        assert.ok(isPrefix, `byte ${at}, bit ${bit}: read something that was never written`);
        // Without its newline the last record counts as torn; everywhere else silence would be a wrong reading.
        if (at === last) assert.is(records.length, 3);
        else assert.is(refused, 'JOURNAL_DAMAGED', `byte ${at}, bit ${bit}`);
      }
    }
  });
});

test('a record that is left out, doubled, moved, or taken from another journal is damage', async () => {
  await withDir(async (dir) => {
    const lines = readFileSync(await written(dir), 'utf8')
      .trimEnd()
      .split('\n');
    const other = readFileSync(await written(dir, 'other.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    assert.equal(lines, other, 'the same records at the same time are the same bytes');
    const journal = Journal.create<Entry>(join(dir, 'foreign.jsonl'));
    await journal.append({type: 'begin', text: 'else'}, 1000);
    await journal.append(entries[1]!, 1001);
    await journal.close();
    const foreign = readFileSync(join(dir, 'foreign.jsonl'), 'utf8').trimEnd().split('\n');
    const [a, b, c, d] = lines as [string, string, string, string];
    const path = join(dir, 'mixed.jsonl');
    const mixtures = [
      [a, c, d],
      [a, b, b, c],
      [a, c, b, d],
      [b, c, d],
      [a, foreign[1]!, c],
      [a, '', b],
      [a, '{}', b],
    ];
    for (const mixture of mixtures) {
      writeFileSync(path, `${mixture.join('\n')}\n`, {mode: 0o600});
      assert.is(read(path).refused, 'JOURNAL_DAMAGED', mixture.map((line) => lines.indexOf(line)).join());
    }
  });
});

test('a file that others can write is not trusted', async () => {
  await withDir(async (dir) => {
    const path = await written(dir);
    chmodSync(path, 0o620);
    assert.is(read(path).refused, 'JOURNAL_UNSAFE');
    chmodSync(path, 0o640);
    assert.is(read(path).refused, null);
  });
});

test('records longer than a chunk, in any number, come through; the last one is found without the others', async () => {
  await withDir(async (dir) => {
    const path = join(dir, 'long.jsonl');
    const journal = Journal.create<Entry>(path);
    const long = [1, 65_535, 65_536, 65_537, 300_000].map((length) => ({type: 'copy', text: 'ж'.repeat(length)}));
    for (const [i, entry] of long.entries()) await journal.append(entry, 1000 + i);
    assert.equal(read(path).records, long);
    assert.is(peekLast(path), null, 'too long to be the end of an operation');
    await journal.append({type: 'end'}, 1005);
    assert.is(peekLast<Entry>(path)?.type, 'end');
    await journal.close();
    writeFileSync(path, '');
    assert.is(peekLast(path), null);
  });
});

test('after a failed write nothing is put behind it', async () => {
  await withDir(async (dir) => {
    const journal = Journal.create<Entry>(join(dir, 'failing.jsonl'));
    await journal.append(entries[0]!, 1000);
    await journal.close();
    assert.is(await rejection(journal.append(entries[1]!, 1001)), 'JOURNAL_FAILED');
    assert.is(await rejection(journal.append(entries[1]!, 1001)), 'JOURNAL_FAILED');
    assert.is(read(join(dir, 'failing.jsonl')).records.length, 1);
  });
});

test('whoever reads while another appends sees whole records only', async () => {
  await withDir(async (dir) => {
    const path = await written(dir);
    const reading = readJournal<Entry>(path);
    reading.next();
    appendFileSync(path, '{"half":');
    assert.is([...reading].length, 3);
  });
});

test('an operation that never began leaves no file', async () => {
  await withDir(async (dir) => {
    const path = join(dir, 'none.jsonl');
    const journal = Journal.create<Entry>(path);
    await journal.append(entries[0]!, 1000);
    await journal.discard();
    assert.not(existsSync(path));
  });
});

test('records that come together are one write; what is only noted travels with the next or with the end', async () => {
  await withDir(async (dir) => {
    const path = join(dir, 'group.jsonl');
    const journal = Journal.create<Entry>(path);
    const order: number[] = [];
    journal.note(entries[0]!, 1000);
    assert.is(read(path).records.length, 0, 'nobody waits for it');
    await Promise.all([1, 2].map((i) => journal.append(entries[i]!, 1000 + i).then(() => order.push(i))));
    assert.equal(order, [1, 2]);
    assert.equal(read(path).records, entries.slice(0, 3));
    journal.note(entries[3]!, 1003);
    await journal.close();
    assert.equal(read(path).records, [...entries]);
    assert.throws(
      () => journal.note(entries[0]!, 1004),
      (error: RtopoError) => error.code === 'JOURNAL_FAILED',
    );
  });
});

test.run();
