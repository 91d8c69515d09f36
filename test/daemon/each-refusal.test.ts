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

const doubtful = { isDoubtful: true } as const;

type More = Omit<Row, 'name' | 'refusal'> & Pick<Refusal, 'headers'>;

function row(name: string, status: number, body: unknown, { headers = {}, ...more }: More = {}): Row {
  return { name, refusal: { status, body, headers }, ...more };
}

const rows: Row[] = [
  // The line.
  row('the line', 403, forbidden('You are not permitted to perform this action.'), { parks: 'rejected' }),
  row(
    'a bad request',
    400,
    problem('invalid-request', 'Invalid Request', 'One or more parameters was invalid.'),
    { parks: 'rejected' },
  ),
  row('a repetition', 403, forbidden('You are not allowed to create a Tweet with duplicate content.')),
  row('a repetition (187)', 403, old(187, 'Status is a duplicate.')),
  // The account.
  row('a dead key (89)', 401, old(89, 'Invalid or expired token.'), { parks: 'reauth' }),
  row('a suspended account', 403, problem('user-suspended', 'Forbidden', 'The user has been suspended.'), {
    parks: 'suspended',
    ...herd,
  }),
  row('a suspended account (64)', 403, old(64, 'Your account is suspended.'), {
    parks: 'suspended',
    ...herd,
  }),
  row('a locked account (326)', 403, old(326, 'This account is temporarily locked.'), {
    parks: 'locked',
    ...herd,
  }),
  row('an account called automated (226)', 403, old(226, 'This request looks like it might be automated.'), {
    parks: 'automated',
    ...herd,
  }),
  row(
    'an app that may only read',
    403,
    problem(
      'oauth1-permissions',
      'Forbidden',
      'Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.',
    ),
    { parks: 'read-only' },
  ),
  // The app.
  row(
    'client-forbidden',
    403,
    problem('client-forbidden', 'Client Forbidden', 'This app may not.'),
    appRefused,
  ),
  row(
    'client-not-enrolled',
    403,
    problem('client-forbidden', 'Client Forbidden', 'You must use a Project.', {
      reason: 'client-not-enrolled',
    }),
    appRefused,
  ),
  row('usage-capped', 403, problem('usage-capped', 'UsageCapExceeded', 'Monthly product cap'), appRefused),
  row(
    'usage-capped (429)',
    429,
    problem('usage-capped', 'UsageCapExceeded', 'Monthly product cap'),
    appRefused,
  ),
  row('453', 403, old(453, 'You currently have access to a subset of X API V2 endpoints.'), appRefused),
  row('261', 403, old(261, 'Application cannot perform write actions.'), appRefused),
  row('a suspended app (416)', 403, old(416, 'Invalid / suspended application'), appRefused),
  row('no credit', 402, { title: 'CreditsDepleted', type: 'https://api.x.com/2/problems/credits' }),
  row('the spending cap', 403, problem('', 'SpendCapReached', 'The cap is reached.')),
  // Time.
  row('the daily limit (185)', 403, old(185, 'User is over daily status update limit.')),
  row('the daily limit (344)', 403, old(344, 'You have reached your daily limit.')),
  row('the daily limit, in words', 403, forbidden('You have reached your daily limit for sending posts.')),
  row('a limit that is forbidden (88)', 403, old(88, 'Rate limit exceeded')),
  row('a limit', 429, tooMany),
  row('a limit until a date', 429, tooMany, { headers: { 'retry-after': 'Fri, 01 May 2026 01:05:00 GMT' } }),
  row('a limit until milliseconds', 429, tooMany, {
    headers: { 'x-rate-limit-remaining': '0', 'x-rate-limit-reset': String(Date.parse(at('01:05:00'))) },
  }),
  row('the limit of the app', 429, tooMany, {
    headers: {
      'x-app-limit-24hour-remaining': '0',
      'x-app-limit-24hour-reset': String(Date.parse(at('01:05:00')) / 1000),
    },
  }),
  // The clock.
  row('the clock (135)', 401, old(135, 'Timestamp out of bounds.'), { alarms: ['clock-wrong'] }),
  // Nobody's word, or everybody's.
  row('a 401 that names nothing', 401, problem('', 'Unauthorized', 'Unauthorized', { status: 401 })),
  row('a 401 that names nothing (32)', 401, old(32, 'Could not authenticate you.')),
  ...[400, 401, 402, 403, 404, 407, 429, 502, 503].map((status) =>
    row(`a web page (${status})`, status, page, doubtful),
  ),
  ...[400, 401, 403, 404].flatMap((status) => [
    row(`nothing (${status})`, status, '', doubtful),
    row(`{} (${status})`, status, {}, doubtful),
  ]),
  row('a web page (200)', 200, page, doubtful),
  row('another JSON', 403, { message: 'Forbidden', code: 89 }, doubtful),
  row(
    'X itself: not found',
    404,
    problem('resource-not-found', 'Not Found Error', 'Could not find it.'),
    doubtful,
  ),
  row('X itself: over capacity', 503, problem('', 'Service Unavailable', 'Over capacity'), doubtful),
];

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
