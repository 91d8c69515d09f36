import assert from 'node:assert/strict';
import { chmod, copyFile, rename, rm, symlink } from 'node:fs/promises';
import { describe, it } from 'node:test';
import type { TestFlock } from '../support/flock.ts';
import { examined, makePrivate, soundFlock } from './examined.ts';

const offline = { offline: true };

/** Spoils a sound flock of howl and prowl. @returns all that is found wrong with it */
async function troublesAfter(
  spoil: (flock: TestFlock) => Promise<unknown>,
  settings?: unknown,
): Promise<string[]> {
  await using flock = await soundFlock(['howl', 'prowl'], { settings });
  await spoil(flock);
  return (await examined(flock, offline)).troubles;
}

describe('the offline half of doctor', () => {
  it('finds nothing in a sound flock, and asks nobody', async () => {
    await using flock = await soundFlock(['howl'], {
      settings: { bots: { howl: { account: '@howl' } } },
    });
    flock.x.sandbox.faults.add({ fault: { kind: 'status', status: 500 } });
    const { findings, troubles } = await examined(flock, offline);
    assert.deepEqual(troubles, []);
    assert.deepEqual(
      findings.map(({ check, subject }) => `${check} ${subject.replace(flock.root, '')}`),
      [
        'flock-file flock.json',
        'keys-folder /keys',
        'app-keys-set app keys',
        'bundle-file howl',
        'bundle howl',
        'bundle-app-keys howl',
        'account howl',
        'poem howl',
      ],
    );
    assert.ok(findings.every(({ cost }) => cost === 0));
  });

  it('finds what is open to others', async () => {
    assert.deepEqual(
      await troublesAfter(async (flock) => {
        await flock.write('apikeys.json', '{"consumer_token":"k-in-a-file","consumer_token_secret":"s"}');
        await chmod(flock.file('apikeys.json'), 0o640);
        await chmod(flock.file('keys'), 0o755);
        await chmod(flock.file('keys/howl.json'), 0o604);
      }),
      [
        'keys-folder keys bad: open to others (mode 755) | chmod 700 keys',
        'app-keys-file apikeys.json bad: open to others (mode 640) | chmod 600 apikeys.json',
        'bundle-file howl bad: open to others (mode 604) | chmod 600 keys/howl.json',
      ],
    );
  });

  it('finds links, and bundles that cannot be read', async () => {
    assert.deepEqual(
      await troublesAfter(async (flock) => {
        await rename(flock.file('keys/howl.json'), flock.file('elsewhere.json'));
        await symlink(flock.file('elsewhere.json'), flock.file('keys/howl.json'));
        await flock.write('keys/prowl.json', '{"consumer_token": "hunter2hunter2", "cons');
      }),
      [
        'bundle-file howl bad: keys/howl.json is a symbolic link, which keymaker and flockd do not follow | put the file in its place: cp --remove-destination "$(readlink -f keys/howl.json)" keys/howl.json',
        'bundle prowl bad: keys/prowl.json: not whole JSON (cut off, or damaged) | make it again: keymaker make-keys ./poems --bot=prowl',
      ],
    );
  });

  it('finds bots without a poem, and poems without a line', async () => {
    assert.deepEqual(
      await troublesAfter(async (flock) => {
        await rm(flock.file('poems/howl.txt'));
        await flock.write('poems/prowl.txt', '\n \n');
      }),
      [
        'poem howl bad: cannot read poems/howl.txt: there is no such file or folder | a poem is a plain text file; is it still where it was?',
        'poem prowl bad: poems/prowl.txt has no lines | write the poem, one post a line',
      ],
    );
  });

  it('finds the wrong account, and one that two bots have', async () => {
    assert.deepEqual(
      await troublesAfter(() => Promise.resolve(), { bots: { howl: { account: '@growl' } } }),
      [
        'account howl bad: the key is for @howl, but flock.json says @growl | correct flock.json, or sign in as @growl: keymaker make-keys ./poems --bot howl --force',
      ],
    );
    assert.deepEqual(
      await troublesAfter((flock) => copyFile(flock.file('keys/howl.json'), flock.file('keys/prowl.json'))),
      [
        'account howl bad: has the same account as prowl | sign in as its own account: keymaker make-keys ./poems --bot howl --force',
        'account prowl bad: has the same account as howl | sign in as its own account: keymaker make-keys ./poems --bot prowl --force',
        'poems-folder poems/prowl.txt warn: would be read by prowl, which reads poems/howl.txt | rename it: its name becomes the name of its bot',
      ],
    );
  });

  it('finds poems without a key, and what nobody reads', async () => {
    const troubles = await troublesAfter(async (flock) => {
      await flock.write('poems/静夜思.txt', 'a');
      await flock.write('poems/empty.txt', '\n');
      await flock.write('poems/elegy.txt', 'b');
      await flock.write('poems/Elegy!.txt', 'c');
      await flock.write('poems/🌙.txt', 'd');
      await flock.write('poems/notes.md', 'e');
    });
    assert.deepEqual([...troubles].sort(), [
      'key empty warn: no key yet | keymaker make-keys ./poems --bot=empty',
      'key 静夜思 warn: no key yet | keymaker make-keys ./poems --bot=静夜思',
      'poem elegy bad: poems/Elegy!.txt and poems/elegy.txt would both be read by a bot called elegy | rename all but one of them',
      'poem empty bad: poems/empty.txt has no lines | write the poem, one post a line',
      'poems-folder poems/🌙.txt bad: gives its bot no name: it has no letter or digit, or is too long | rename the file: its name becomes the name of the bot',
    ]);
  });

  it('finds what is wrong with one bot in flock.json', async () => {
    const settings = { bots: { prowl: { timezone: 'BST' } } };
    assert.deepEqual(await troublesAfter(() => Promise.resolve(), settings), [
      'settings prowl bad: flock.json: bots.prowl.timezone: "BST" is not an IANA time zone such as "Europe/Berlin" | correct bots.prowl.timezone in flock.json; did you mean "Europe/London"?',
    ]);
  });

  it('finds a flock.json that is wrong, or names bots that are not there', async () => {
    assert.deepEqual(await troublesAfter((flock) => flock.write('flock.json', '{"shedule": 1}')), [
      'flock-file flock.json bad: flock.json: unknown setting "shedule" | did you mean "schedule"?',
    ]);
    assert.deepEqual(await troublesAfter(() => Promise.resolve(), { bots: { hwol: {}, elegy: {} } }), [
      'named hwol warn: flock.json names it, but it has no key bundle | did you mean howl? Otherwise: keymaker make-keys ./poems --bot hwol',
      'named elegy warn: flock.json names it, but it has no key bundle | keymaker make-keys ./poems --bot elegy',
    ]);
    const secret = 'sx2mq0tvbn4ylr8kcjd7';
    assert.deepEqual(await troublesAfter(() => Promise.resolve(), { bots: { [secret]: {} } }), [
      'named … warn: flock.json names it, but it has no key bundle | look under "bots": a name that could be a secret is not shown',
    ]);
  });

  it('says where the app keys are from, and what is wrong with them', async () => {
    await using flock = await soundFlock(['howl']);
    const none = { CONSUMER_TOKEN: '', CONSUMER_TOKEN_SECRET: '' };
    const said = async (environment: Record<string, string>) =>
      (await examined(flock, { offline: true, environment })).says('app-keys-set', 'app keys');
    assert.equal(await said({}), 'ok: from the environment');
    assert.match((await said(none)) ?? '', /^warn: not set: .* \| export CONSUMER_TOKEN=…/);
    assert.equal(
      await said({ ...none, CONSUMER_TOKEN: 'half' }),
      'bad: half of the app keys: CONSUMER_TOKEN_SECRET is not set | set CONSUMER_TOKEN_SECRET too',
    );
    await flock.write('apikeys.json', '{"consumer_token":"other-app","consumer_token_secret":"other"}');
    await chmod(flock.file('apikeys.json'), 0o600);
    assert.equal(await said(none), 'ok: from apikeys.json');
    const { troubles } = await examined(flock, { offline: true, environment: none });
    assert.deepEqual(troubles, [
      'bundle-app-keys howl warn: made with other app keys than those set now | both work while both apps exist; to move the bot to the app set now: keymaker reauth howl',
    ]);
  });

  it('wants keys for others than X in a folder of their own', async () => {
    await using flock = await soundFlock(['howl']);
    await flock.giveKey('howl', (bundle) => ({ ...bundle, provider: 'flickr' }));
    await flock.write('keys/prowl.json', JSON.stringify({ ...flock.granted('prowl'), provider: 'mine' }));
    await makePrivate(flock);
    const { says } = await examined(flock, offline);
    assert.equal(
      says('provider', 'howl'),
      'warn: the key is for Flickr, and flockd does not post there | keep it in another folder, and name that folder with --keys DIR',
    );
    assert.equal(
      says('provider', 'prowl'),
      'bad: there is no provider called "mine" | describe it in flock.json under providers.mine, or correct "provider" in the bundle',
    );
    await rename(flock.file('keys'), flock.file('photos'));
    const apart = await examined(flock, { offline: true, keys: flock.file('photos') });
    assert.equal(apart.says('provider', 'howl'), 'ok: for Flickr');
  });

  it('examines only the bots that are named', async () => {
    await using flock = await soundFlock(['howl', 'prowl']);
    await chmod(flock.file('keys/prowl.json'), 0o644);
    const { findings, troubles } = await examined(flock, { offline: true, bots: ['howl'] });
    assert.deepEqual(troubles, []);
    assert.ok(!findings.some(({ subject }) => subject === 'prowl'));
  });

  it('shows no secret', async () => {
    await using flock = await soundFlock(['howl']);
    const { output } = await examined(flock, { offline: true });
    for (const secret of Object.values(flock.granted('howl')).slice(0, 4))
      assert.ok(!output.includes(secret));
  });
});
