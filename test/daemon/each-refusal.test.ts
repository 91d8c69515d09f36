import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldFlock } from '../support/held-flock.ts';

/*
 * A flock of twelve bots, and X, or something in front of it, that refuses everything for a minute in each way there is. Afterwards
 * X is well. Then each bot has gone on by itself, or is parked for what X has said of it; no line is missing, and none is there
 * twice.
 */

const size = 12;
const names = Array.from({ length: size }, (_, n) => `bot-${String(n).padStart(2, '0')}`);
const lineCount = 8;
const poemOf = (name: string): string[] =>
  Array.from({ length: lineCount }, (_, n) => `${name}, line ${n + 1}`);

/** Each bot posts every minute, at a second of its own. */
const scheduleOf = (n: number): string => `${n * 4} * * * * *`;

const at = (time: string): string => `2026-05-01T${time}Z`;

interface Refusal {
  status: number;
  /** As text it is sent as it is. */
  body: unknown;
  headers?: Record<string, string>;
}

interface Row {
  name: string;
  refusal: Refusal;
  /** What the bots that meet it are parked for, where it is X's word on them. */
  parks?: string;
  /** How many of them are, at most. */
  most?: number;
  /** What a person is told of, once. */
  alarms?: string[];
  /** Whether X may have carried out what it refused so. */
  isDoubtful?: true;
}

const problem = (type: string, title: string, detail: string, more: object = {}): object => {
  const name = type === '' ? 'about:blank' : `https://api.twitter.com/2/problems/${type}`;
  return { type: name, title, detail, ...more };
};
const old = (code: number, message: string): object => ({ errors: [{ code, message }] });
const forbidden = (detail: string): object => problem('', 'Forbidden', detail);
const appRefused = { alarms: ['app-refused'] };
const herd = { most: 2, alarms: ['herd'] };
const page =
  '<html><head><title>403 Forbidden</title></head><body>suspended? duplicate content?</body></html>';
const tooMany = { title: 'Too Many Requests', detail: 'Too Many Requests', status: 429 };

const rows: Row[] = [
  // The line.
  { name: 'the line', refusal: { status: 403, body: forbidden('You are not permitted to perform this action.') }, parks: 'rejected' },
  { name: 'a bad request', refusal: { status: 400, body: problem('invalid-request', 'Invalid Request', 'One or more parameters was invalid.') }, parks: 'rejected' },
  { name: 'a repetition', refusal: { status: 403, body: forbidden('You are not allowed to create a Tweet with duplicate content.') } },
  { name: 'a repetition (187)', refusal: { status: 403, body: old(187, 'Status is a duplicate.') } },
  // The account.
  { name: 'a dead key (89)', refusal: { status: 401, body: old(89, 'Invalid or expired token.') }, parks: 'reauth' },
  { name: 'a suspended account', refusal: { status: 403, body: problem('user-suspended', 'Forbidden', 'The user has been suspended.') }, parks: 'suspended', ...herd },
  { name: 'a suspended account (64)', refusal: { status: 403, body: old(64, 'Your account is suspended.') }, parks: 'suspended', ...herd },
  { name: 'a locked account (326)', refusal: { status: 403, body: old(326, 'This account is temporarily locked.') }, parks: 'locked', ...herd },
  { name: 'an account called automated (226)', refusal: { status: 403, body: old(226, 'This request looks like it might be automated.') }, parks: 'automated', ...herd },
  { name: 'an app that may only read', refusal: { status: 403, body: problem('oauth1-permissions', 'Forbidden', 'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.') }, parks: 'read-only' },
  // The app.
  { name: 'client-forbidden', refusal: { status: 403, body: problem('client-forbidden', 'Client Forbidden', 'This app may not.') }, ...appRefused },
  { name: 'client-not-enrolled', refusal: { status: 403, body: problem('client-forbidden', 'Client Forbidden', 'You must use a Project.', { reason: 'client-not-enrolled' }) }, ...appRefused },
  { name: 'usage-capped', refusal: { status: 403, body: problem('usage-capped', 'UsageCapExceeded', 'Monthly product cap') }, ...appRefused },
  { name: 'usage-capped (429)', refusal: { status: 429, body: problem('usage-capped', 'UsageCapExceeded', 'Monthly product cap') }, ...appRefused },
  { name: '453', refusal: { status: 403, body: old(453, 'You currently have access to a subset of X API V2 endpoints.') }, ...appRefused },
  { name: '261', refusal: { status: 403, body: old(261, 'Application cannot perform write actions.') }, ...appRefused },
  { name: 'a suspended app (416)', refusal: { status: 403, body: old(416, 'Invalid / suspended application') }, ...appRefused },
  { name: 'no credit', refusal: { status: 402, body: { title: 'CreditsDepleted', type: 'https://api.x.com/2/problems/credits' } } },
  { name: 'the spending cap', refusal: { status: 403, body: problem('', 'SpendCapReached', 'The cap is reached.') } },
  // Time.
  { name: 'the daily limit (185)', refusal: { status: 403, body: old(185, 'User is over daily status update limit.') } },
  { name: 'the daily limit (344)', refusal: { status: 403, body: old(344, 'You have reached your daily limit.') } },
  { name: 'the daily limit, in words', refusal: { status: 403, body: forbidden('You have reached your daily limit for sending posts.') } },
  { name: 'a limit that is forbidden (88)', refusal: { status: 403, body: old(88, 'Rate limit exceeded') } },
  { name: 'a limit', refusal: { status: 429, body: tooMany } },
  { name: 'a limit until a date', refusal: { status: 429, body: tooMany, headers: { 'retry-after': 'Fri, 01 May 2026 01:05:00 GMT' } } },
  { name: 'a limit until milliseconds', refusal: { status: 429, body: tooMany, headers: { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(Date.parse(at('01:05:00'))) } } },
  { name: 'the limit of the app', refusal: { status: 429, body: tooMany, headers: { 'x-app-limit-24hour-remaining': '0', 'x-app-limit-24hour-reset': String(Date.parse(at('01:05:00')) / 1000) } } },
  // The clock.
  { name: 'the clock (135)', refusal: { status: 401, body: old(135, 'Timestamp out of bounds.') }, alarms: ['clock-wrong'] },
  // Nobody's word, or everybody's.
  { name: 'a 401 that names nothing', refusal: { status: 401, body: problem('', 'Unauthorized', 'Unauthorized', { status: 401 }) } },
  { name: 'a 401 that names nothing (32)', refusal: { status: 401, body: old(32, 'Could not authenticate you.') } },
  ...[400, 401, 402, 403, 404, 407, 429, 502, 503].map(
    (status): Row => ({ name: `a web page (${status})`, refusal: { status, body: page }, isDoubtful: true }),
  ),
  ...[400, 401, 403, 404].flatMap((status): Row[] => [
    { name: `nothing (${status})`, refusal: { status, body: '' }, isDoubtful: true },
    { name: `{} (${status})`, refusal: { status, body: {} }, isDoubtful: true },
  ]),
  { name: 'a web page (200)', refusal: { status: 200, body: page }, isDoubtful: true },
  { name: 'another JSON', refusal: { status: 403, body: { message: 'Forbidden', code: 89 } }, isDoubtful: true },
  { name: 'X itself: not found', refusal: { status: 404, body: problem('resource-not-found', 'Not Found Error', 'Could not find it.') }, isDoubtful: true },
  { name: 'X itself: over capacity', refusal: { status: 503, body: problem('', 'Service Unavailable', 'Over capacity') }, isDoubtful: true },
]; // prettier-ignore

function openFlock(): HeldFlock {
  const flock = new HeldFlock(at('01:00:30'), { atEnd: 'stop' }, { limits: { posts: null } });
  for (const [n, name] of names.entries()) flock.add(name, poemOf(name), { schedule: scheduleOf(n) });
  return flock;
}

const parkedOf = (flock: HeldFlock): string[] => names.filter((name) => flock.state(name)?.parked);

/** No line is missing before another one, and none is there twice; two of them may be joined. */
function audit(flock: HeldFlock): void {
  for (const name of names) {
    const lines = flock.postsOf(name).flatMap((text) => text.split('\n'));
    assert.deepEqual(lines, poemOf(name).slice(0, lines.length));
    // The ledger knows of each, but for what is in doubt.
    assert.ok(lines.length - (flock.state(name)?.place.next ?? 0) <= 1, name);
  }
  assert.deepEqual(flock.failures, []);
}

/** All are at the end of their poems. */
function assertDone(flock: HeldFlock, bots: readonly string[]): void {
  audit(flock);
  const left = bots.filter((name) => flock.state(name)?.place.next !== lineCount);
  assert.deepEqual(left, [], `${left.length} bots have not gone on`);
}

/** What a flock does that X refuses for a minute, and after which X is well. */
async function check(
  flock: HeldFlock,
  { parks, most = size, alarms = [] }: Omit<Row, 'name' | 'refusal'>,
): Promise<void> {
  audit(flock);
  await flock.until(at('04:00:00'));
  const parked = parkedOf(flock);
  for (const name of parked)
    assert.equal(flock.state(name)?.parked?.cause, parks, `${name} is parked wrongly`);
  assert.ok(parked.length <= most, `${parked.length} are parked`);
  if (parks !== undefined) assert.ok(parked.length > 0);
  assert.deepEqual(
    flock.alarms.map(({ event }) => event),
    alarms,
  );
  for (const { hint } of flock.alarms) assert.ok(hint !== undefined && hint !== '');
  assert.equal(flock.stopped, alarms.includes('herd'));
  if (!flock.stopped)
    assertDone(
      flock,
      names.filter((name) => !parked.includes(name)),
    );
  // A person repairs what is to be repaired.
  flock.stopped = false;
  const orders = parked.map((name) => flock.resume(name));
  flock.update();
  await flock.until(at('06:00:00'));
  await Promise.all(orders);
  assertDone(flock, names);
}

describe('twelve bots, each refused for a minute', () => {
  for (const { name, refusal, ...expected } of rows) {
    const whens = expected.isDoubtful ? (['before', 'after'] as const) : (['before'] as const);
    for (const when of whens) {
      it(`by ${name}${when === 'after' ? ', though X has carried it out' : ''}, in the middle`, async () => {
        const flock = openFlock();
        flock.start();
        await flock.until(at('01:03:50'));
        flock.control('faults', { match: { path: '/2/*' }, fault: { kind: 'status', ...refusal, when } });
        await flock.until(at('01:04:50'));
        flock.sandbox.faults.clear();
        await check(flock, expected);
      });
    }

    it(`by ${name}, from the start`, async () => {
      const flock = openFlock();
      flock.control('faults', { match: { path: '/2/*' }, fault: { kind: 'status', ...refusal } });
      flock.start();
      await flock.until(at('01:01:50'));
      for (const bot of names) assert.deepEqual(flock.postsOf(bot), []);
      flock.sandbox.faults.clear();
      await check(flock, expected);
    });
  }

  for (const minutes of [-20, 20, 56 * 365 * 24 * 60]) {
    it(`by a clock that is wrong by ${minutes} min, in the middle`, async () => {
      const flock = openFlock();
      flock.start();
      await flock.until(at('01:03:50'));
      flock.control('clock', { ahead: minutes * 60_000 });
      await flock.until(at('01:04:50'));
      flock.control('clock', { ahead: 0 });
      await check(flock, { alarms: ['clock-wrong'] });
    });

    it(`by a clock that is wrong by ${minutes} min, from the start`, async () => {
      const flock = openFlock();
      flock.control('clock', { ahead: minutes * 60_000 });
      let requests = 0;
      flock.count(() => requests++);
      flock.start();
      await flock.until(at('01:01:50'));
      assert.equal(requests, 0, 'nothing is signed with a time that is wrong');
      flock.control('clock', { ahead: 0 });
      await check(flock, { alarms: ['clock-wrong'] });
    });
  }
});
