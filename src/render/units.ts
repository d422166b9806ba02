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
  return unit === 0 ? `${Math.round(amount)} B` : `${amount.toFixed(amount < 10 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

/** A share as percent with one digit; a dash when unknown. */
export function percent(share: number | null): string {
  return share === null || Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`;
}

export function seconds(value: number | null): string {
  return value === null ? '-' : `${value} s`;
}

/** A duration in words that fit it: `4.1 s`, `52 s`, `3 min 20 s`, `2 h 5 min`. */
export function spell(duration: number): string {
  if (duration < 10) return `${Number.isInteger(duration) ? duration : duration.toFixed(1)} s`;
  const whole = Math.round(duration);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return minutes === 0 ? `${hours} h` : `${hours} h ${minutes} min`;
  if (minutes > 0) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
  return `${whole} s`;
}

/** A duration in a column: its largest unit alone, `41 s`, `3 min`, `5 h`, `12 d`. */
export function brief(duration: number): string {
  const whole = Math.max(0, Math.floor(duration));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  return whole < 86_400 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86_400)} d`;
}

/** `1 key`, `2 keys`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
