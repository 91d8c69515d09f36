import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Stage } from '../bench/stage.ts';
import { ledgerSize } from './ledger-size.ts';
import { processState, type Sample } from './measures.ts';
import type { Course } from './report.ts';
import { visit } from './visitor.ts';

export interface YearSoak {
  bots: number;
  days: number;
  /** The program that runs the year. */
  program?: string;
  say: (text: string) => void;
}

const usual = path.join(import.meta.dirname, 'year-process.ts');

const begun = z.object({ state: z.string() });
const passed = processState.extend({ posts: z.number() });

/** The maximum time between two samples. Days. A short run has shorter steps, to get enough samples. */
const maxStep = 14;
const minSamples = 24;

/** Runs a flock through the simulated days in a separate process. */
export async function soakYear(
  stage: Stage,
  { bots, days, program = usual, say }: YearSoak,
): Promise<Course> {
  const began = performance.now();
  const folder = stage.file('year');
  mkdirSync(folder);
  const helper = await stage.helper(program, { flags: ['--expose-gc'] });
  const { state } = await helper.ask({ ask: 'begin', folder, bots }, begun);
  const samples: Sample[] = [];
  const step = Math.max(1, Math.min(maxStep, Math.floor(days / minSamples)));
  for (let at = step; at <= days; at += step) {
    const from = performance.now();
    const held = await helper.ask({ ask: 'go on', days: step }, passed);
    const pace = ((held.posts - (samples.at(-1)?.posts ?? 0)) / (performance.now() - from)) * 1000;
    samples.push({ at, pace, ...held, ...(await ledgerSize(state)) });
    await visit(path.join(folder, 'socket'));
    say(`day ${at} of ${days}: ${held.posts} posts`);
  }
  await helper.end();
  return {
    id: 'year',
    title: titleOf(bots, samples, began),
    samples,
    per: { of: 'at', amount: 365, called: 'a year' },
  };
}

function titleOf(bots: number, samples: readonly Sample[], began: number): string {
  const { at: days = 0, posts = 0 } = samples.at(-1) ?? {};
  const took = Math.round((performance.now() - began) / 1000);
  const [flock, all] = [bots, posts].map((count) => count.toLocaleString('en-US'));
  return `A flock of ${flock}, for ${days} days: ${all} posts in ${samples.length} samples; it took ${took} s`;
}
