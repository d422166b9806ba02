/** The only door of the harness into the product: a journal read by the product's own reader, for sweeps over every byte. */
import {RtopoError} from '../../src/errors.js';
import {readJournal} from '../../src/journal/reading.js';

export interface Reading {
  /** Each record as JSON, up to the damage. */
  readonly records: readonly string[];
  /** The reader refused the rest. */
  readonly isRefused: boolean;
}

export function readRecords(path: string): Reading {
  const records: string[] = [];
  try {
    for (const {record} of readJournal(path)) records.push(JSON.stringify(record));
    return {records, isRefused: false};
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'JOURNAL_DAMAGED') return {records, isRefused: true};
    throw error;
  }
}
