import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flockd } from '../bench/flockd.ts';
import { makeFlock, oweAlways } from '../bench/flock-folders.ts';
import { X } from '../bench/servers/x.ts';
import type { Stage } from '../bench/stage.ts';
import { ledgerSize } from './ledger-size.ts';
import { processState, type Sample } from './measures.ts';
import type { Course } from './report.ts';
import { visit } from './visitor.ts';

export interface RateSoak {
  bots: number;
  minutes: number;
  say: (text: string) => void;
}

const minute = 60_000;

/** The maximum time between two samples. Milliseconds. A short run has shorter steps, to get enough samples. */
const maxStep = 10_000;
const minSamples = 24;

/** Runs the installed flockd, which posts as fast as it can in real time, and requests its page at each sample. */
export async function soakRate(stage: Stage, { bots, minutes, say }: RateSoak): Promise<Course> {
  const x = await X.open(stage);
  const way = x.way({ isSecure: true }) ?? x.way();
  const [root, state, socket] = [stage.file('rate'), stage.file('rate-state'), stage.file('rate-socket')];
  makeFlock(root, bots);
  // Late bots post at most twice per slot, so the slots of twice the time are enough.
  oweAlways(root, state, bots, Date.now() - 2 * minutes * minute - 60 * minute);
  const flockd = new Flockd(stage, {
    root,
    state,
    ...(way && { api: way.base }),
    env: x.trust,
    args: ['--listen', `unix:${socket}`],
    probe: path.join(import.meta.dirname, 'probe.js'),
    log: '/dev/null',
  });
  await flockd.said(/READY=1/);
  const samples: Sample[] = [];
  const began = performance.now();
  const step = Math.min(maxStep, (minutes * minute) / minSamples);
  let before = await x.count();
  for (let next = step; next <= minutes * minute; next += step) {
    await sleep(began + next - performance.now());
    const held = processState.parse(await flockd.probed());
    const now = await x.count();
    const pace = ((now.posts - before.posts) / (now.at - before.at)) * 1000;
    samples.push({ at: next / 1000, posts: now.posts, pace, ...held, ...(await ledgerSize(state)) });
    before = now;
    await visit(socket);
    say(`${Math.round(next / 1000)} s: ${now.posts} posts`);
  }
  await flockd.stop();
  if (before.posts === 0) throw new Error('nothing was posted');
  const flock = bots.toLocaleString('en-US');
  return {
    id: 'rate',
    title: `A flock of ${flock} at full rate for ${minutes} min: ${before.posts.toLocaleString('en-US')} posts, ${way?.what ?? ''}`,
    samples,
    per: { of: 'posts', amount: 1e6, called: 'a million posts' },
  };
}
