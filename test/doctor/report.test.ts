import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Report } from '../../src/cli/keymaker/doctor.ts';
import { aboutBot, aboutFlock } from '../../src/doctor/finding.ts';

const findings = [
  aboutBot('keys').ok('poem', '3 lines'),
  aboutFlock('keys').ok('keys-folder', 'mode 700'),
  aboutBot('howl').bad('bundle-file', 'open to others', 'chmod 600 keys/howl.json'),
  { ...aboutBot('keys').ok('key', 'X says @keys'), cost: 0.01 },
  { ...aboutBot('howl').warn('key', 'renamed', 'keymaker reauth howl'), cost: 0.01 },
  aboutFlock('X').skipped('key', 'was not asked about owl'),
];

describe('the report of doctor', () => {
  it('goes bot by bot, and takes no bot for a folder of its name', () => {
    assert.deepEqual(new Report(findings).each, [
      ['ok    keys: mode 700', 'skip  X: was not asked about owl'],
      [
        'bad   howl: open to others',
        'hint: chmod 600 keys/howl.json',
        'warn  howl: renamed',
        'hint: keymaker reauth howl',
      ],
      ['ok    keys: 3 lines', 'ok    keys: X says @keys'],
    ]);
  });

  it('begins with what is bad in the overview, and says in one line what is well', () => {
    assert.deepEqual(new Report(findings).overview, [
      [
        'bad   howl: open to others',
        'hint: chmod 600 keys/howl.json',
        'warn  howl: renamed',
        'hint: keymaker reauth howl',
      ],
      ['ok    keys: mode 700', 'skip  X: was not asked about owl', 'ok    keys: all 2 checks'],
    ]);
  });

  it('says once in the overview what is the same for many bots', () => {
    const bots = Array.from({ length: 40 }, (_, n) => `bot-${n}`);
    const isWell = (n: number): boolean => n < 30;
    const { overview } = new Report(
      bots.flatMap((bot, n) => [
        aboutBot(bot).ok('poem', '3 lines'),
        ...(n === 3 ? [aboutBot(bot).ok('provider', 'for X')] : []),
        isWell(n)
          ? aboutBot(bot).ok('bundle', `of @${bot}`)
          : aboutBot(bot).bad('bundle', `keys/${bot}.json.age: it is encrypted`, `decrypt ${bot}`),
      ]),
    );
    assert.deepEqual(overview, [
      [
        'bad   bot-30, bot-31, bot-32 and 7 more: keys/<bot>.json.age: it is encrypted',
        'hint: decrypt <bot>',
      ],
      ['ok    29 bots: all 2 checks', 'ok    bot-3: all 3 checks'],
    ]);
  });

  it('repairs several bots with the command for all, if there is one', () => {
    const hintOf = (hint: string): string | undefined =>
      new Report(['a', 'b'].map((bot) => aboutBot(bot).warn('key', 'no key yet', hint.replace('NAME', bot))))
        .overview[0]?.[1];
    assert.equal(
      hintOf('keymaker make-keys ./poems --bot=NAME --keys k'),
      'hint: keymaker make-keys ./poems --keys k',
    );
    assert.equal(hintOf('chmod 600 keys/NAME.json'), 'hint: chmod 600 keys/*.json');
    // In quotes a shell takes * for itself.
    assert.equal(hintOf("chmod 600 'my keys/NAME.json'"), "hint: chmod 600 'my keys/<bot>.json'");
    const forced = 'keymaker make-keys ./poems --bot <bot> --force';
    assert.equal(hintOf(forced.replace('<bot>', 'NAME')), `hint: ${forced}`);
  });

  it('takes no other word for the name of the bot', () => {
    const [lines] = new Report([
      aboutBot('key').bad('key', 'refused its key', 'reauth key'),
      aboutBot('key-2').bad('key', 'refused its key', 'reauth key-2'),
    ]).overview;
    assert.deepEqual(lines, [
      'bad   key: refused its key',
      'hint: reauth key',
      'bad   key-2: refused its key',
      'hint: reauth key-2',
    ]);
  });

  it('counts what its checks found', () => {
    assert.equal(new Report(findings).summary, '6 checks: 3 ok, 1 warning, 1 bad, 1 skipped.');
    assert.equal(new Report(findings.slice(0, 1)).summary, '1 check: 1 ok.');
  });

  it('is unhealthy only where something is bad', () => {
    assert.equal(new Report(findings).isHealthy, false);
    assert.equal(new Report(findings.filter(({ result }) => result !== 'bad')).isHealthy, true);
  });

  it('adds up what it cost, for programs', () => {
    assert.deepEqual(new Report(findings.slice(3, 5)).toJSON(), {
      ok: true,
      cost_usd: 0.02,
      checks: [
        {
          check: 'key',
          subject: 'howl',
          result: 'warn',
          message: 'renamed',
          hint: 'keymaker reauth howl',
          cost_usd: 0.01,
        },
        { check: 'key', subject: 'keys', result: 'ok', message: 'X says @keys', cost_usd: 0.01 },
      ],
    });
  });
});
