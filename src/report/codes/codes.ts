/**
 * Every code that rtopo can show, in one place. Each wing has one file, and a new code is one entry there;
 * test/report/codes.test.ts fails for a code that the sources show and nobody explains, and for one that nobody shows any more.
 */
import type {Code, Codes} from './code.js';
import {handover} from './handover.js';
import {journal} from './journal.js';
import {link} from './link.js';
import {mastership} from './mastership.js';
import {migrationPlan} from './migration-plan.js';
import {migrationRun} from './migration-run.js';
import {preflight} from './preflight.js';
import {reaching} from './reaching.js';
import {replicate} from './replicate.js';
import {role} from './role.js';
import {sampling} from './sampling.js';
import {sandbox} from './sandbox.js';
import {server} from './server.js';
import {topology} from './topology.js';
import {usage} from './usage.js';

/** By topic, in the order in which they are listed. */
export const topics: readonly {readonly topic: string; readonly codes: Codes}[] = [
  {topic: 'reaching a server', codes: reaching},
  {topic: 'one server', codes: server},
  {topic: 'links', codes: link},
  {topic: 'roles', codes: role},
  {topic: 'limits, waits and discoveries', codes: sampling},
  {topic: 'replicate', codes: replicate},
  {topic: 'before replicate', codes: preflight},
  {topic: 'change of master', codes: mastership},
  {topic: 'handing over', codes: handover},
  {topic: 'rebalance, before anything moves', codes: migrationPlan},
  {topic: 'rebalance, at work', codes: migrationRun},
  {topic: 'journals, locks and saved plans', codes: journal},
  {topic: 'topology file and placement', codes: topology},
  {topic: 'command line and files', codes: usage},
  {topic: 'sandbox', codes: sandbox},
];

export const codes: ReadonlyMap<string, Code> = new Map(topics.flatMap((topic) => Object.entries(topic.codes)));
