import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linesOf, Report } from '../../src/cli/keymaker/doctor.ts';
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
    const subjects = new Report(findings).groups.map((group) =>
      group.map(({ check, subject }) => `${subject} ${check}`),
    );
    assert.deepEqual(subjects, [
      ['keys keys-folder', 'X key'],
      ['howl bundle-file', 'howl key'],
      ['keys poem', 'keys key'],
    ]);
  });

  it('has a line for each check, and one for each repair', () => {
    assert.deepEqual(new Report(findings).groups[1]?.flatMap(linesOf), [
      'bad   howl: open to others',
      'hint: chmod 600 keys/howl.json',
      'warn  howl: renamed',
      'hint: keymaker reauth howl',
    ]);
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
