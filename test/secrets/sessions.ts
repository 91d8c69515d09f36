import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from '../support/programs.ts';
import { ended, type Sweep, type SweepRun } from './sweep.ts';
import type { Program } from '../support/programs.ts';

/** One call, and how it ended. */
export interface Call {
  call: string;
  code: number | null;
  /** What it said. */
  said: string;
}

type Calls = readonly [Program, readonly string[], SweepRun?][];

async function inTurn(sweep: Sweep, calls: Calls): Promise<Call[]> {
  const done: Call[] = [];
  for (const [program, args, options] of calls) {
    const { code, stdout, stderr } = await sweep.run(program, args, options);
    done.push({ call: `${program} ${args.join(' ')}`, code, said: stdout + stderr });
  }
  return done;
}

/** Every command of keymaker that ends by itself. */
export async function runKeymaker(sweep: Sweep): Promise<Call[]> {
  const { pin, sentinels } = sweep;
  const pins = { input: Array<string>(6).fill(pin) };
  const login = { input: ['howl', sentinels.get('password')] };
  await sweep.write('given/twurlrc', twurlrc(sweep));
  const one = ['--bot', 'howl', '--force'];
  return await inTurn(sweep, [
    ['keymaker', ['make-keys', 'poems', ...one], pins],
    ['keymaker', ['make-keys', 'poems', ...one, '--first-post', 'hello'], pins],
    ['keymaker', ['make-keys', 'poems', ...one, '--xauth'], login],
    ['keymaker', ['reauth', 'howl'], pins],
    ['keymaker', ['begin', 'howl', '--json']],
    ['keymaker', ['begin', 'howl']],
    ['keymaker', ['finish', 'howl'], pins],
    ['keymaker', ['list']],
    ['keymaker', ['list', '--json']],
    ['keymaker', ['doctor']],
    ['keymaker', ['doctor', '--json']],
    ['keymaker', ['doctor', '--offline', '--json']],
    ['keymaker', ['import', 'given/twurlrc', '--bot', 'howl', '--force']],
    ['keymaker', ['revoke', 'prowl', '--yes']],
  ]);
}

export function twurlrc(sweep: Sweep): string {
  const {
    consumer_token: key,
    consumer_token_secret: secret,
    oauth_token,
    oauth_token_secret,
  } = sweep.bundles.howl;
  const fields = {
    username: 'howl',
    consumer_key: key,
    consumer_secret: secret,
    token: oauth_token,
    secret: oauth_token_secret,
  };
  const lines = Object.entries(fields).map(([name, value]) => `      ${name}: ${JSON.stringify(value)}\n`);
  return `---\nprofiles:\n  howl:\n    ${JSON.stringify(key)}:\n${lines.join('')}configuration:\n  default_profile:\n  - howl\n`;
}

/** make-keys with the browser, which comes back, and comes back once more. */
export async function runCallback(sweep: Sweep): Promise<Call> {
  const args = ['make-keys', 'poems', '--bot', 'howl', '--force', '--callback', '--port', '0'];
  const keymaker = sweep.start('keymaker', args);
  const isAsked = await said(keymaker, /^http\S+/m);
  if (isAsked) {
    const query = `oauth_token=request-token-that-anybody-may-see&oauth_verifier=${sweep.sentinels.get('verifier')}`;
    for (const way of [`?oauth_token=another&${query}`, `?oauth_token=another`, `?${query}`, `?${query}`]) {
      const page = await fetch(`${sweep.x.callback}${way}`).catch(() => undefined);
      if (page) sweep.shown('the page of the callback', await page.text());
    }
    await sleep(100);
    keymaker.kill('SIGINT');
  }
  const { code } = await ended(keymaker);
  return { call: args.join(' '), code, said: keymaker.stderr };
}

/** Whether a program says something before it ends. */
const said = (running: Running, pattern: RegExp): Promise<boolean> =>
  running.matching(pattern).then(
    () => true,
    () => false,
  );

/** Everything on the page of `keymaker serve`. */
export async function runServe(sweep: Sweep): Promise<void> {
  const keymaker = sweep.start('keymaker', ['serve', '--port', '0'], { except: ['key'] });
  const { 0: address } = await keymaker.matching(/^http\S+(?=\r?\n)/m);
  const { origin, searchParams } = new URL(address);
  sweep.sentinels.learn('key', searchParams.get('key') ?? '');
  const visit = async (url: string, init: RequestInit = {}): Promise<{ html: string; answer: Response }> => {
    const answer = await fetch(new URL(url, origin), { redirect: 'manual', ...init });
    const html = await answer.text();
    const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie');
    sweep.shown(`the page ${url.split('?')[0] ?? ''}`, `${JSON.stringify(headers)}\n${html}`, ['csrf']);
    return { answer, html };
  };
  await visit('/');
  const { answer } = await visit(address);
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  sweep.sentinels.learn('cookie', cookie.split('=')[1] ?? '');
  const headers = { cookie, origin };
  const { html } = await visit('/', { headers });
  const csrf = /name="csrf" value="([^"]+)"/.exec(html)?.[1];
  assert.ok(csrf !== undefined, html);
  sweep.sentinels.learn('csrf', csrf);
  const press = async (action: string, field = csrf): Promise<void> => {
    const body = new URLSearchParams({ csrf: field, text: 'hello' });
    await visit(`/bots/howl/${action}`, { method: 'POST', headers, body });
    await visit('/bots/howl', { headers });
    await visit('/', { headers });
  };
  await press('check', 'wrong');
  for (const action of ['check', 'test-post', 'authorize', 'nothing']) await press(action);
  const verifier = sweep.sentinels.get('verifier');
  const back = `/callback?oauth_token=request-token-that-anybody-may-see&oauth_verifier=${verifier}`;
  for (const way of [back, back, '/callback?oauth_token=another', `${back}&oauth_token=another`, address])
    await visit(way);
  await press('revoke');
  await visit('/', { headers });
  keymaker.kill('SIGTERM');
  await ended(keymaker);
}

/** The daemon for a while, and every command that speaks with it. */
export async function runFlockd(sweep: Sweep, options: SweepRun = {}): Promise<Call[]> {
  const before = sweep.x.requests;
  const flockd = sweep.start('flockd', ['run'], options);
  const over = new AbortController();
  void flockd.exit.then(() => {
    over.abort();
  });
  for (let waits = 0; !over.signal.aborted && waits < 200 && sweep.x.requests < before + 3; waits++)
    await sleep(20);
  const calls: Calls = [
    ['flockd', ['status', '--json'], options],
    ['flockd', ['resolve', 'howl', '--posted', '--id', '123'], options],
    ['flockd', ['resolve', 'prowl', '--not-posted'], options],
    ['flockd', ['resume', 'howl'], options],
    ['flockd', ['reload'], options],
    ['flockd', ['unit'], options],
  ];
  const done = await inTurn(sweep, calls);
  await sleep(300);
  flockd.kill('SIGTERM');
  const { code } = await ended(flockd);
  const after = await inTurn(sweep, [
    ...calls,
    ['flockd', ['status'], options],
    ['flockd', ['resume', 'howl', '--line', '2'], options],
  ]);
  return [...done, { call: 'flockd run', code, said: flockd.stderr }, ...after];
}
