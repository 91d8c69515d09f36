import { chmod, readdir } from 'node:fs/promises';
import { Report } from '../../src/cli/keymaker/doctor.ts';
import { openContext } from '../../src/context.ts';
import type { Checkup, Finding } from '../../src/doctor/finding.ts';
import { examineOffline } from '../../src/doctor/offline.ts';
import { examineOnline } from '../../src/doctor/online.ts';
import type { BotName } from '../../src/poems/bot-name.ts';
import { poem, TestFlock, type TestFlockOptions } from '../support/flock.ts';
import type { Environment } from '../support/programs.ts';

/** A flock that nothing is wrong with: bots of these names, with keys, all private. */
export async function soundFlock(
  bots: readonly string[],
  options: Omit<TestFlockOptions, 'poems'> = {},
): Promise<TestFlock> {
  const flock = await TestFlock.open({
    ...options,
    poems: Object.fromEntries(bots.map((bot) => [`${bot}.txt`, poem(bot, 3)])),
  });
  for (const bot of bots) await flock.giveKey(bot);
  if (bots.length > 0) await makePrivate(flock);
  return flock;
}

export async function makePrivate(flock: TestFlock): Promise<void> {
  await chmod(flock.file('keys'), 0o700);
  for (const name of await readdir(flock.file('keys'))) await chmod(flock.file('keys', name), 0o600);
}

export interface Examined {
  findings: Finding[];
  /** All that a person or a program would be shown. */
  output: string;
  /** The finding of a check about a subject, as `result: message | hint`. */
  says: (check: string, subject: string) => string | undefined;
  /** What is not in order. */
  troubles: string[];
}

interface Options {
  offline?: boolean;
  bots?: readonly string[];
  environment?: Environment;
  keys?: string;
}

/** Examines a flock as the command does. */
export async function examined(
  flock: TestFlock,
  { offline = false, bots = [], environment = {}, keys }: Options = {},
): Promise<Examined> {
  Object.assign(process.env, flock.environment, environment);
  await using context = openContext({ root: flock.root, keys });
  const chosen = new Set(bots as readonly BotName[]);
  const checkup: Checkup = { ...context, chosen, keymaker: (call) => `keymaker ${call}` };
  const { findings: files, known } = await examineOffline(checkup);
  const findings = offline ? files : [...files, ...(await examineOnline(checkup, known))];
  const report = new Report(findings);
  const output = [...report.each.flat(), ...report.overview.flat(), JSON.stringify(report)].join('\n');
  return {
    findings,
    output,
    says(check, subject) {
      const found = findings.find((finding) => finding.check === check && finding.subject === subject);
      return found && textOf(found, flock.root);
    },
    troubles: findings
      .filter(({ result }) => result === 'bad' || result === 'warn')
      .map((finding) =>
        `${finding.check} ${finding.subject} ${textOf(finding, flock.root)}`.replace(`${flock.root}/`, ''),
      ),
  };
}

const textOf = ({ result, message, hint }: Finding, root: string): string =>
  [`${result}: ${message}`, ...(hint === undefined ? [] : [hint])].join(' | ').replaceAll(`${root}/`, '');
