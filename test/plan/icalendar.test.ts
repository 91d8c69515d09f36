import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { formatEntry, planAsIcs } from '../../src/plan/icalendar.ts';
import { planOf } from './small-flock.ts';

const python = '/usr/bin/python3';
const reader = new URL('read_ics.py', import.meta.url).pathname;
const made = Date.parse('2026-05-30T10:20:30.400Z');

/** Only who could not install it may do without: as root a missing package is a failure. */
function reasonToSkip(): string | false {
  const found = spawnSync(python, ['-c', 'import icalendar']).status === 0;
  return !found && process.getuid?.() !== 0 && 'needs the package python3-icalendar';
}

interface Read {
  version: string;
  events: { uid: string; at: string; made: string; summary: string; note: string }[];
  errors: string[];
}

function readByOthers(ics: string): Read {
  const { status, stdout, stderr } = spawnSync(python, [reader], { input: ics, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Read;
}

/** Texts that a calendar has its own signs for, and one that is longer than its lines, cut in the middle of a letter. */
const texts = [
  'Tyger; tyger, burning\\bright: "in the night"',
  '夜'.repeat(60),
  `${'👩‍👩‍👧'.repeat(9)} x`,
  `${'a'.repeat(61)}é${'b'.repeat(74)}é`,
  'a\ttab',
  'BEGIN:VEVENT',
];

const settings = { timezone: 'Europe/Berlin', atEnd: 'stop', spread: '1h' };

const icsOf = (rows: readonly string[], own: Record<string, unknown> = {}): string =>
  [...planAsIcs(planOf({ poems: { ada: rows }, settings: { ...settings, ...own } }), made)].join('');

describe('a plan as a calendar', () => {
  it('is read by another program as it was meant', { skip: reasonToSkip() }, () => {
    const { version, events, errors } = readByOthers(icsOf(texts));
    assert.deepEqual([version, errors], ['2.0', []]);
    assert.deepEqual(
      events.map(({ summary, note }) => [summary, note]),
      texts.map((text, line) => [`ada: ${text}`, `line ${line + 1} of poems/ada.txt`]),
    );
    assert.match(events[0]?.at ?? '', /^2026-06-01T07:\d\d:\d\d\+00:00$/);
    for (const event of events) assert.equal(event.made, '2026-05-30T10:20:30+00:00');
    assert.equal(new Set(events.map(({ uid }) => uid)).size, texts.length);
  });

  it('keeps the lines of a stanza', { skip: reasonToSkip() }, () => {
    const { events } = readByOthers(icsOf(['one', 'two', '', 'three'], { unit: 'stanza' }));
    assert.deepEqual(
      events.map(({ summary }) => summary),
      ['ada: one\ntwo', 'ada: three'],
    );
  });

  it('is a calendar without entries where nothing is posted', { skip: reasonToSkip() }, () => {
    assert.deepEqual(readByOthers(icsOf(['a'], { budget: { postsPerDay: 0 } })).events, []);
  });

  it('has lines of 75 octets at most, each with its end, and no letter in two', () => {
    const text = icsOf(texts);
    assert.ok(text.endsWith('\r\n'));
    assert.doesNotMatch(text.replaceAll('\r\n', ''), /[\r\n]/);
    for (const line of text.split('\r\n')) assert.ok(Buffer.byteLength(line) <= 75, line);
  });

  it('has no control characters', () => {
    const post = { bot: 'ada', slot: 1, at: made, text: 'a\u0007b\u0085c\u2028d', line: 0, lines: 1 };
    const entry = formatEntry(post, 'ada.txt', made);
    assert.match(entry, /^SUMMARY:ada: a b c\\nd\r$/m);
  });

  it('names an entry by its bot and slot, whenever it is posted', () => {
    const uids = (text: string): string[] => text.match(/^UID:.*$/gm) ?? [];
    assert.equal(uids(icsOf(texts)).length, texts.length);
    assert.deepEqual(uids(icsOf(texts)), uids(icsOf(texts, { spread: '2h' })));
  });
});
