/**
 * A strict reader of the Prometheus text exposition format, version 0.0.4, written from its description: what it does not name is an
 * error. Source: prometheus.io/docs/instrumenting/exposition_formats.
 */

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly {readonly labels: Readonly<Record<string, string>>; readonly value: number}[];
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

interface Open {
  readonly name: string;
  readonly help: string;
  type: string | null;
  readonly samples: {labels: Record<string, string>; value: number}[];
}

export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let open: Open | null = null;
  const close = (): void => {
    if (open === null) return;
    if (open.type === null) throw new Error(`${open.name} has no TYPE`);
    if (open.samples.length === 0) throw new Error(`${open.name} has no sample`);
    families.set(open.name, {help: open.help, type: open.type, samples: open.samples});
  };
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (help !== null) {
      close();
      if (!METRIC.test(help[1]!)) throw new Error(`no name: ${line}`);
      if (families.has(help[1]!)) throw new Error(`${help[1]} comes in two groups`);
      open = {name: help[1]!, help: unescaped(help[2]!, false), type: null, samples: []};
    } else if (type !== null) {
      if (open === null || open.name !== type[1] || open.type !== null) throw new Error(`TYPE out of place: ${line}`);
      open.type = type[2]!;
    } else {
      const sample = readSample(line);
      if (open === null || open.type === null || sample.name !== open.name) throw new Error(`out of place: ${line}`);
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (series.has(key)) throw new Error(`twice: ${line}`);
      series.add(key);
      open.samples.push({labels: sample.labels, value: sample.value});
    }
  }
  close();
  return families;
}

function readSample(line: string): {name: string; labels: Record<string, string>; value: number} {
  const name = /^[^{ ]+/.exec(line)?.[0] ?? '';
  if (!METRIC.test(name)) throw new Error(`no name: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    while (!rest.startsWith('}')) {
      const pair = /^([^=]+)="((?:[^"\\\n]|\\[\\"n])*)"(,?)/.exec(rest);
      if (pair === null || !LABEL.test(pair[1]!)) throw new Error(`no label: ${rest}`);
      if (Object.hasOwn(labels, pair[1]!)) throw new Error(`label twice: ${line}`);
      labels[pair[1]!] = unescaped(pair[2]!, true);
      rest = rest.slice(pair[0].length);
      if (pair[3] === '' && !rest.startsWith('}')) throw new Error(`no end of labels: ${rest}`);
    }
    rest = rest.slice(1);
  }
  const value = /^ (\S+)$/.exec(rest)?.[1] ?? '';
  if (!VALUE.test(value)) throw new Error(`no value: ${line}`);
  return {name, labels, value: Number(value.replace('Inf', 'Infinity'))};
}

function unescaped(text: string, quotes: boolean): string {
  return text.replace(quotes ? /\\([\\"n])/g : /\\([\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c));
}
