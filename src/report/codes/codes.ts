/**
 * Every code that observing and changing replication can show, in one place. Each wing has one file, and a new code is one entry there;
 * test/report/codes.test.ts fails for a code that the sources show and nobody explains, and for one that nobody shows any more.
 */
import type {Code, Codes} from './code.js';
import {handover} from './handover.js';
import {link} from './link.js';
import {mastership} from './mastership.js';
import {reaching} from './reaching.js';
import {replicate} from './replicate.js';
import {role} from './role.js';
import {sampling} from './sampling.js';
import {server} from './server.js';

/** By topic, in the order in which they are listed. */
export const topics: readonly {readonly topic: string; readonly codes: Codes}[] = [
  {topic: 'reaching a server', codes: reaching},
  {topic: 'one server', codes: server},
  {topic: 'links', codes: link},
  {topic: 'roles', codes: role},
  {topic: 'limits, waits and discoveries', codes: sampling},
  {topic: 'replicate', codes: replicate},
  {topic: 'change of master', codes: mastership},
  {topic: 'handing over', codes: handover},
];

export const codes: ReadonlyMap<string, Code> = new Map(topics.flatMap((topic) => Object.entries(topic.codes)));
