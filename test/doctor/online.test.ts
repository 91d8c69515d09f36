import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, systemClock } from '../../src/clock.ts';
import { usualPrices } from '../../src/cost.ts';
import { forecast } from '../../src/doctor/online.ts';
import { Report } from '../../src/cli/keymaker/doctor.ts';
import type { TestFlock } from '../support/flock.ts';
import { examined, makePrivate, soundFlock } from './examined.ts';

const me = { path: '/2/users/me' };
const requestToken = { path: '/oauth/request_token' };
const unreachableHint = 'is there a network, and is KEYMAKER_API_URL (if set) the right address?';

/** Spoils a sound flock of howl and prowl, or its X. @returns all that is found wrong with it */
async function troublesAfter(
  spoil: (flock: TestFlock) => unknown,
  environment: Record<string, string> = {},
): Promise<string[]> {
  await using flock = await soundFlock(['howl', 'prowl']);
  await spoil(flock);
  const { troubles, output } = await examined(flock, { environment });
  assertNoSecrets(flock, output);
  return troubles;
}

function assertNoSecrets(flock: TestFlock, output: string): void {
  const { accessTokens } = flock.x.sandbox.world.snapshot();
  const secrets = [
    ...accessTokens.flatMap(({ token, secret }) => [token, secret]),
    'test-app-key',
    'test-app-secret',
  ];
  for (const secret of secrets) assert.ok(!output.includes(secret), `a secret in: ${output}`);
}

function tokenOf(flock: TestFlock, account: string) {
  const { world } = flock.x.sandbox;
  const token = world.tokensOf(world.accountNamed(account)?.id ?? '')[0];
  assert.ok(token);
  return token;
}

const away = (ms: number): Clock => ({ ...systemClock, now: () => systemClock.now() + ms });

describe('the online half of doctor', () => {
  it('finds nothing in a sound flock, and reads each account once', async () => {
    await using flock = await soundFlock(['howl', 'prowl']);
    const { troubles, says, findings } = await examined(flock);
    assert.deepEqual(troubles, []);
    assert.equal(says('app-keys', 'X'), 'ok: knows the app keys set now');
    assert.equal(says('clock', 'clock'), 'ok: within 30 s of X');
    assert.equal(says('key', 'howl'), 'ok: X says @howl');
    assert.equal(flock.x.sandbox.world.usage.accountReads, 2);
    const report = new Report(findings).toJSON() as { ok: boolean; cost_usd: number };
    assert.deepEqual([report.ok, report.cost_usd], [true, 0.02]);
  });

  it('finds app keys that are wrong, and asks no bot of theirs', async () => {
    await using flock = await soundFlock(['howl', 'prowl']);
    const { troubles, says } = await examined(flock, { environment: { CONSUMER_TOKEN: 'wrong' } });
    assert.equal(
      says('app-keys', 'X'),
      'bad: refused the app keys (32): “Could not authenticate you” (those set now) | check CONSUMER_TOKEN and CONSUMER_TOKEN_SECRET (or apikeys.json) against the developer console',
    );
    // The bundles have the keys of another app, which lives.
    assert.equal(says('key', 'howl'), 'ok: X says @howl');
    assert.equal(troubles.filter((line) => line.startsWith('bundle-app-keys')).length, 2);
  });

  it('finds app keys of a bundle that are wrong', async () => {
    await using flock = await soundFlock(['howl', 'prowl']);
    await flock.giveKey('howl', (bundle) => ({ ...bundle, consumer_token_secret: 'of-an-app-that-is-gone' }));
    await makePrivate(flock);
    const { findings, says } = await examined(flock);
    const [refused] = findings.filter(({ check, result }) => check === 'app-keys' && result === 'bad');
    assert.deepEqual(
      [refused?.message, refused?.hint],
      [
        'refused the app keys (32): “Could not authenticate you” (those of howl)',
        'set the app keys of an app that works, then: keymaker reauth howl',
      ],
    );
    assert.equal(says('key', 'X'), 'skipped: was not asked about howl');
    assert.equal(says('key', 'prowl'), 'ok: X says @prowl');
  });

  it('finds an app that no callback is registered for, or that is suspended', async () => {
    const xml = '<?xml version="1.0"?><errors><error code="415">Callback URL not approved</error></errors>';
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ match: requestToken, fault: { kind: 'status', status: 403, body: xml } });
      }),
      [
        'app-keys X bad: does not know the callback address (415): “Callback URL not approved” (those set now) | register a callback URL in the developer console (any will do for PINs, for example http://127.0.0.1)',
      ],
    );
    const suspended = { errors: [{ code: 416, message: 'Invalid / suspended application' }] };
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({
          match: requestToken,
          fault: { kind: 'status', status: 401, body: suspended },
        });
      }),
      [
        'app-keys X bad: has suspended the app or the account: “Invalid / suspended application” (those set now) | sign in as the account, and look in the developer console, for the reason',
      ],
    );
  });

  it('finds an app of the wrong type', async () => {
    const body = "<error>Desktop applications only support the oauth_callback value 'oob'</error>";
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ match: requestToken, fault: { kind: 'status', status: 401, body } });
      }),
      [
        `app-keys X bad: treats the app as a desktop app, which may only use PINs: “Desktop applications only support the oauth_callback value 'oob'” (those set now) | set the app type to "Web App" in the developer console`,
      ],
    );
  });

  it('finds a network that is down once, not once for each bot', async () => {
    const troubles = await troublesAfter(() => undefined, { KEYMAKER_API_URL: 'http://127.0.0.1:9' });
    assert.deepEqual(troubles, [
      `provider X bad: cannot reach 127.0.0.1:9 (ECONNREFUSED) | ${unreachableHint}`,
    ]);
  });

  it('finds a provider that is down, and a page in the place of an answer', async () => {
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ fault: { kind: 'status', status: 503 } });
      }),
      ['provider X bad: is not well (503): “As ordered” | try again in a few minutes'],
    );
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ fault: { kind: 'status', status: 200, body: '<html>Log in to the Wi-Fi' } });
      }),
      [
        'provider X bad: sent a web page where a request token should be (200) | is there a proxy or a login page between, or is KEYMAKER_API_URL the wrong address?',
      ],
    );
  });

  it('tells once what ails the provider only when it is asked about bots', async () => {
    for (const [fault, trouble] of [
      [
        { kind: 'status', status: 503 },
        'provider X bad: is not well (503), asked for howl and prowl | try again in a few minutes',
      ],
      [
        { kind: 'status', status: 402, body: { title: 'CreditsDepleted' } },
        'credit X bad: no credit is left, asked for howl and prowl | buy some in the developer console',
      ],
      [
        { kind: 'status', status: 403, body: { title: 'Client Forbidden', reason: 'client-not-enrolled' } },
        'enrolment X bad: the app is in no project (client-not-enrolled), asked for howl and prowl | attach the app to a project in the developer console',
      ],
    ] as const) {
      assert.deepEqual(
        await troublesAfter(({ x }) => {
          x.sandbox.faults.add({ match: me, fault });
        }),
        [trouble],
      );
    }
    const dropped = await troublesAfter(({ x }) => {
      x.sandbox.faults.add({ match: me, fault: { kind: 'drop' } });
    });
    assert.equal(dropped.length, 1);
    assert.match(dropped[0] ?? '', /^provider X bad: the connection to .* broke/);
  });

  it('measures the clock', async () => {
    for (const [ms, trouble] of [
      [-45_000, /^clock clock warn: this machine is 4[45] s ahead of X \| timedatectl set-ntp true$/],
      [45_000, /^clock clock warn: this machine is 4[456] s behind X \| timedatectl set-ntp true$/],
      [1_200_000, /^clock clock bad: this machine is 20 min behind X \| timedatectl set-ntp true$/],
    ] as const) {
      await using flock = await soundFlock(['howl'], { sandbox: { clock: away(ms) } });
      const { troubles, says } = await examined(flock);
      assert.match(troubles.find((line) => line.startsWith('clock')) ?? '', trouble);
      if (ms < 300_000) continue;
      assert.match(
        says('app-keys', 'X') ?? '',
        /^bad: says that the time is wrong here \(135\): “Timestamp out of bounds” \(those set now\) \|/,
      );
      assert.equal(says('key', 'X'), 'skipped: was not asked about howl');
    }
  });

  it('finds a key that was revoked, unless X takes its word back', async () => {
    assert.deepEqual(
      await troublesAfter((flock) => {
        tokenOf(flock, 'howl').revoked = true;
      }),
      ['key howl bad: X refused its key: it was revoked, or never good (401) | keymaker reauth howl'],
    );
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ match: me, times: 1, fault: { kind: 'status', status: 401 } });
      }),
      [],
    );
  });

  it('finds an account that is suspended, and a limit that is reached', async () => {
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        const howl = x.sandbox.world.accountNamed('howl');
        if (howl) howl.suspended = true;
      }),
      [
        'key howl bad: X has suspended or locked its account | sign in as @howl to see why; until then set "paused": true in flock.json',
      ],
    );
    assert.deepEqual(
      await troublesAfter(({ x }) => {
        x.sandbox.faults.add({ match: { ...me, account: 'howl' }, fault: { kind: 'status', status: 429 } });
      }),
      ['key howl warn: X limits its requests for now (429) | try again in 15 minutes'],
    );
  });

  it('quotes X without the secrets it quotes', async () => {
    await using flock = await soundFlock(['howl']);
    const { token } = tokenOf(flock, 'howl');
    const body = { title: 'Forbidden', detail: `the token ${token} may not` };
    flock.x.sandbox.faults.add({ match: me, fault: { kind: 'status', status: 403, body } });
    const { says, output } = await examined(flock);
    assert.equal(
      says('key', 'howl'),
      'bad: X did not say which account the key is for: X refuses it (403 the token [secret] may not) | keymaker reauth howl',
    );
    assertNoSecrets(flock, output);
  });

  it('finds a key of another account than the bundle says, and one that was renamed', async () => {
    const answer = (id: string, username: string) => ({ data: { id, username, name: username } });
    const other = await troublesAfter(({ x }) => {
      const fault = { kind: 'status', status: 200, body: answer('99', 'growl') } as const;
      x.sandbox.faults.add({ match: { ...me, account: 'howl' }, fault });
    });
    assert.equal(other.length, 1);
    assert.match(
      other[0] ?? '',
      /^key howl bad: the key is for @growl \(id 99\), but its bundle says @howl \(id \d+\) \| keymaker reauth howl$/,
    );
    const renamed = await troublesAfter(({ x }) => {
      const body = answer(x.sandbox.world.accountNamed('howl')?.id ?? '', 'growl');
      x.sandbox.faults.add({
        match: { ...me, account: 'howl' },
        fault: { kind: 'status', status: 200, body },
      });
    });
    assert.deepEqual(renamed, [
      'key howl warn: is called @growl now; its bundle still says @howl | keymaker reauth howl',
    ]);
  });

  it('finds a key that may only read', async () => {
    await using flock = await soundFlock(['howl', 'prowl', 'growl']);
    tokenOf(flock, 'howl').access = 'read';
    const { world, faults } = flock.x.sandbox;
    const body = { data: { id: world.accountNamed('growl')?.id, username: 'growl' } };
    faults.add({ match: { ...me, account: 'growl' }, fault: { kind: 'status', status: 200, body } });
    const { says } = await examined(flock);
    assert.equal(
      says('permission', 'howl'),
      'bad: its key may only read | set Read and write in the developer console, then make a new key, because this one keeps its permission: keymaker reauth howl',
    );
    assert.equal(says('permission', 'prowl'), 'ok: may post');
    assert.equal(says('permission', 'growl'), 'skipped: X did not say whether it may post');
  });
});

describe('forecast', () => {
  const prices = usualPrices;
  it('says what it will cost, and to whom it would be paid', () => {
    assert.equal(forecast(3, { isX: true, prices }), '3 accounts are read on X: about $0.03.');
    assert.equal(forecast(1, { isX: false, prices }), '1 account is read; X would charge about $0.01.');
    assert.equal(forecast(0, { isX: true, prices }), 'This costs nothing.');
  });
});
