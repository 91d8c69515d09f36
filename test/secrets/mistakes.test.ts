import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { everySecond } from '../support/flock.ts';
import type { Program } from '../support/programs.ts';
import { runFlockd, twurlrc } from './sessions.ts';
import { ended, Sweep } from './sweep.ts';

const looks: [Program, ...string[]][] = [
  ['flockd', 'status', '--json'],
  ['keymaker', 'list', '--json'],
  ['keymaker', 'doctor', '--offline', '--json'],
  ['keymaker', 'doctor', '--offline'],
  ['keymaker', 'make-keys', 'poems', '--bot', 'howl'],
  ['keymaker', 'reauth', 'howl'],
  ['keymaker', 'revoke', 'howl'],
  ['keymaker', 'begin', 'howl'],
];

/** Everything that reads the flock's files, side by side with a daemon. */
async function lookAll(sweep: Sweep, env = {}): Promise<void> {
  const daemon = runForAWhile(sweep, env);
  for (const [program, ...args] of looks) await sweep.run(program, args, { env, input: ['y', 'no pin'] });
  await daemon;
}

/** The daemon, which is ended a while after it has started all the same. */
async function runForAWhile(sweep: Sweep, env: object): Promise<void> {
  const flockd = sweep.start('flockd', ['run'], { env: { ...env } });
  const started = flockd.matching(/"event":"started"/);
  void started.then(
    () => sleep(1500).then(() => flockd.kill('SIGTERM')),
    () => undefined,
  );
  await ended(flockd);
}

const choir = {
  requestTokenUrl: 'https://choir.example/request',
  authorizeUrl: 'https://choir.example/authorize',
  accessTokenUrl: 'https://choir.example/access',
};

/** A secret in every place of `flock.json` that it could be put into by mistake. */
const inFlockFile: [what: string, settings: (secret: string) => unknown[]][] = [
  [
    'settings that are none',
    (secret) => [
      { consumer_token_secret: secret },
      { bots: { howl: { oauth_token_secret: secret } } },
      { bots: { howl: secret } },
      { providers: { choir: { consumer_secret: secret } } },
      { providers: { choir: { ...choir, callback: secret } } },
      { missed: secret },
      { bots: { howl: { account: `https://x.com/${secret}` } } },
      { bots: { howl: { refrain: secret } } },
    ],
  ],
  [
    'a schedule or a time zone',
    (secret) => [
      { schedule: secret },
      { schedule: `0 9 * * ${secret}` },
      { bots: { howl: { schedule: `${secret} 25 * * *` } } },
      { timezone: secret },
      { bots: { howl: { timezone: `Europe/${secret}` } } },
      { spread: secret },
      { settle: secret },
    ],
  ],
  [
    'a name',
    (secret) => [
      { [secret]: '0 9 * * *' },
      { bots: { howl: { [secret]: true } } },
      { budget: { [secret]: 1 } },
      { ...everySecond, bots: { [secret]: {} } },
      { bots: { [secret]: { unit: 'word' } } },
      { bots: { [secret]: { [secret]: 1 } } },
      { providers: { [secret]: choir } },
      { providers: { [secret]: { ...choir, callback: 'none' } } },
      { providers: { choir: { ...choir, authorizeParameters: { [secret]: 1 } } } },
    ],
  ],
];

describe('no secret is shown where a person makes a mistake', { concurrency: 2 }, () => {
  it('with a bundle', async () => {
    await using sweep = await Sweep.open({ inOneProcess: true });
    const { howl } = sweep.bundles;
    const whole = JSON.stringify(howl, null, 2);
    const secret = sweep.sentinels.get('access secret');
    const middle = whole.indexOf(JSON.stringify(secret).slice(1, -1)) + 12;
    const broken = [
      whole.slice(0, middle),
      whole.replace('"oauth_token"', '"oauth_token'),
      whole.slice(0, middle) + '\0' + whole.slice(middle),
      whole.replace(/^{/, `{${secret}`),
      JSON.stringify({ ...howl, [secret]: 'x', oauth_token: undefined }),
      JSON.stringify({ ...howl, user_id: secret }),
      JSON.stringify({ ...howl, provider: secret }),
      JSON.stringify({ ...howl, oauth_token: [secret], oauth_token_secret: { secret } }),
      JSON.stringify(secret),
    ];
    for (const text of broken) {
      await sweep.write('keys/howl.json', text);
      await lookAll(sweep);
    }
    await sweep.assertClean();
  });

  it('with the file of the app keys, or what names it', async () => {
    await using sweep = await Sweep.open({ inOneProcess: true });
    const [token, secret] = [sweep.sentinels.get('app token'), sweep.sentinels.get('app secret')];
    const files = [
      `{"consumer_token": "${token}", "consumer_token_secret": "${secret}`,
      JSON.stringify({ [token]: secret }),
      JSON.stringify([token, secret]),
      `CONSUMER_TOKEN=${token}\nCONSUMER_TOKEN_SECRET=${secret}\n`,
    ];
    for (const text of files) {
      await sweep.write('apikeys.json', text);
      await lookAll(sweep);
    }
    for (const env of [
      { CONSUMER_TOKEN_SECRET: secret },
      { CONSUMER_TOKEN: token, CONSUMER_TOKEN_SECRET: `${secret}\n${secret}\u0007` },
      { KEYMAKER_API_URL: `https://${encodeURIComponent(token)}:${encodeURIComponent(secret)}@127.0.0.1:1/` },
      { KEYMAKER_API_URL: `${token} ${secret}` },
    ])
      await lookAll(sweep, env);
    await sweep.assertClean();
  });

  for (const [what, settings] of inFlockFile) {
    it(`with ${what} in flock.json`, async () => {
      await using sweep = await Sweep.open({ inOneProcess: true });
      // No bot and no provider has a name like the one; the other could be the name of any.
      const plain = sweep.sentinels.plant('plain secret', { plain: true }).toLowerCase();
      sweep.sentinels.learn('plain secret', plain);
      for (const secret of [sweep.sentinels.get('app secret'), plain]) {
        for (const value of settings(secret)) {
          await sweep.write('flock.json', JSON.stringify(value));
          await lookAll(sweep);
        }
      }
      await sweep.assertClean(/^flock\.json$/);
    });
  }

  it('with the command line', async () => {
    await using sweep = await Sweep.open();
    const { pin } = sweep;
    const secret = sweep.sentinels.get('access secret');
    const calls: [Program, ...string[]][] = [
      ['keymaker', 'finish', 'howl', pin],
      ['keymaker', 'finish', 'howl', '--pin', pin],
      ['keymaker', 'finish', 'howl', `--pin=${pin}`],
      ['keymaker', 'make-keys', 'poems', '--password', secret],
      ['keymaker', 'make-keys', 'poems', '--xauth', `--password=${secret}`],
      ['keymaker', 'reauth', 'howl', '--secret', secret],
      ['flockd', 'run', '--consumer-token-secret', secret],
    ];
    for (const [program, ...args] of calls) assert.notEqual((await sweep.run(program, args)).code, 0);
    const said = sweep.run('keymaker', ['finish', 'howl'], { input: [secret, `${pin}${pin}`] });
    assert.notEqual((await said).code, 0);
    const leaks = (await sweep.leaks()).map((leak) => leak.replace(/ of keymaker .*| of flockd .*/, ''));
    assert.deepEqual(leaks, []);
  });

  it('with a file to import', async () => {
    await using sweep = await Sweep.open();
    const whole = twurlrc(sweep);
    const secret = sweep.sentinels.get('access secret');
    const at = whole.indexOf('secret:') + 14;
    const texts = [
      whole.slice(0, at),
      whole.replace('      token:', '     token:'),
      whole.replaceAll('"', ''),
      whole.replace('username: "howl"', `username: ${JSON.stringify(secret)}`),
      `${secret}: ${secret}\n`,
      `- ${secret}\n`,
      JSON.stringify({ ...sweep.bundles.howl, user_id: secret }),
      `{"access_token": "${secret}`,
    ];
    for (const [index, text] of texts.entries()) {
      await sweep.write(`given/${index}.json`, text);
      await sweep.run('keymaker', ['import', `given/${index}.json`, '--bot', 'howl', '--force']);
      await sweep.giveKey('howl');
    }
    await sweep.run('keymaker', ['import', 'given', '--force']);
    await sweep.assertClean();
  });

  it('with an identity, which seals what was plain', async () => {
    await using sweep = await Sweep.open({ inOneProcess: true });
    await sweep.run('keymaker', ['encrypt', '--new-identity', 'given/identity']);
    const identity = await readFile(sweep.file('given/identity'), 'utf8');
    sweep.sentinels.learn('identity', /AGE-SECRET-KEY-(\w+)/.exec(identity)?.[1] ?? 'none');
    assert.equal((await sweep.run('keymaker', ['encrypt', '--identity', 'given/identity'])).code, 0);
    assert.ok((await readdir(sweep.file('keys'))).includes('howl.json.age'));
    await lookAll(sweep, { KEYMAKER_IDENTITY_FILE: 'given/identity' });
    await lookAll(sweep);
    await sweep.write('given/cut', identity.slice(0, -20));
    await sweep.write('given/long', identity.replace('AGE-SECRET-KEY-', 'AGE-SECRET-KEY-Q'));
    for (const file of ['cut', 'long']) {
      await lookAll(sweep, { KEYMAKER_IDENTITY_FILE: `given/${file}` });
      await sweep.run('keymaker', ['encrypt', '--identity', `given/${file}`]);
      await sweep.run('keymaker', ['encrypt', '--recipient', identity.split('\n').at(-2) ?? '']);
    }
    await sweep.assertClean();
  });

  it('with modes and folders that are in the way', async () => {
    await using sweep = await Sweep.open({ inOneProcess: true });
    await chmod(sweep.file('keys/howl.json'), 0o644);
    await lookAll(sweep);
    await chmod(sweep.file('keys/howl.json'), 0o600);
    await chmod(sweep.file('apikeys.json'), 0o644);
    await lookAll(sweep);
    await rename(sweep.file('apikeys.json'), sweep.file('given/apikeys.json'));
    await mkdir(sweep.file('apikeys.json'));
    await lookAll(sweep);
    await sweep.write('state/howl.jsonl', '{"cut');
    await lookAll(sweep);
    await sweep.assertClean();
  });
});

describe('no secret is in', { concurrency: 2 }, () => {
  it('the report of a crash', async () => {
    await using sweep = await Sweep.open();
    const report = `--report-on-signal --report-directory=${sweep.file('reports')}`;
    const calls: [Program, ...string[]][] = [
      ['flockd', 'run'],
      ['keymaker', 'serve', '--port', '0'],
      ['keymaker', 'make-keys', 'poems', '--all', '--force'],
    ];
    for (const [program, ...args] of calls) {
      const running = sweep.start(program, args, { env: { NODE_OPTIONS: report }, except: ['key'] });
      await running.matching(/^http|"posted"/m);
      running.kill('SIGUSR2');
      await running.matching(/Node\.js report completed/, { stream: 'stderr' });
      running.kill('SIGTERM');
      await ended(running);
    }
    assert.equal((await readdir(sweep.file('reports'))).length, calls.length);
    await sweep.assertClean();
  });

  it('what calls say in a process that they share: the same as in one of their own, and a leak is found there', async () => {
    await using sweep = await Sweep.open({ inOneProcess: true });
    const calls: [Program, ...string[]][] = [
      ['keymaker', 'list'],
      ['keymaker', 'doctor', '--offline'],
      ['keymaker', 'make-keys', 'poems', '--bot', 'howl', '--force'],
      ['flockd', 'reload'],
      ['flockd', 'sing'],
    ];
    for (const [program, ...args] of calls) {
      const alone = sweep.start(program, args);
      alone.endInput();
      const { code } = await ended(alone);
      const shared = await sweep.run(program, args);
      assert.deepEqual(shared, { code, stdout: alone.stdout, stderr: alone.stderr });
    }
    await sweep.assertClean();
    const { stdout } = await sweep.run('keymaker', ['list', '--json']);
    sweep.sentinels.learn('what is shown', stdout.trim());
    assert.match((await sweep.leaks()).join(), /in stdout of keymaker list --json$/);
  });

  it('anything, unless it is put there: a planted leak is found wherever it is', async () => {
    await using sweep = await Sweep.open();
    await runFlockd(sweep);
    await sweep.assertClean();
    const secret = sweep.sentinels.get('access secret');
    await sweep.write('state/planted', Buffer.from(`x${secret}`).toString('base64'));
    await sweep.write('tmp/planted', Buffer.from(secret).toString('hex'));
    await sweep.write(`home/.cache/${encodeURIComponent(secret)}`, '');
    await sweep.write(
      'bin/leaky.mjs',
      `console.log(${JSON.stringify(secret)}); console.error(encodeURIComponent(${JSON.stringify(secret)}));`,
    );
    await sweep.run('flockd', ['status'], {
      env: { NODE_OPTIONS: `--import=${sweep.file('bin/leaky.mjs')}` },
    });
    const places = (await sweep.leaks()).map((leak) => leak.replace(/^[^]* in /, ''));
    assert.deepEqual(places.sort(), [
      'state/planted',
      'stderr of flockd status',
      'stdout of flockd status',
      'the names of files',
      'tmp/planted',
    ]);
  });
});
