/** Numbers as people read them. Unknown is a dash, never 0. */

export function count(value: number | null): string {
  return value === null ? '-' : value.toLocaleString('en-US');
}

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const;

/** Bytes with a binary unit, as Redis counts them: 1 KB = 1024 B. */
export function bytes(value: number | null): string {
  if (value === null) return '-';
  let [amount, unit] = [value, 0];
  while (amount >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${amount} B` : `${amount.toFixed(amount < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

/** A share as percent with one digit; a dash when unknown. */
export function percent(share: number | null): string {
  return share === null || Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`;
}

export function seconds(value: number | null): string {
  return value === null ? '-' : `${value} s`;
}

/** `1 key`, `2 keys`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
