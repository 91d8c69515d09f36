import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import * as z from 'zod';
import { alarmNames } from '../../src/config/hooks.ts';
import { flockFileSchema } from '../../src/config/flock-file.ts';
import { htmlOf, manPageOf, slugOf, textOf, topicNamed, topicNames } from '../../src/manual/manual.ts';
import { widthOf } from '../../src/text.ts';

const root = path.resolve(import.meta.dirname, '../..');
const page = (topic: string): string => readFileSync(path.join(root, `src/manual/${topic}.md`), 'utf8');
const after = (text: string, heading: string): string => text.slice(text.indexOf(heading));

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(path.join(root, 'src', name), 'utf8'));

/** A JSON Schema of an object. */
const schema = z.object({
  properties: z.record(z.string(), z.object({ additionalProperties: z.unknown().optional() })),
});

describe('the pages of the manual', () => {
  it('are the topics, and no others', () => {
    const files = readdirSync(path.join(root, 'src/manual')).filter((name) => name.endsWith('.md'));
    assert.deepEqual(files.sort(), topicNames.map((topic) => `${slugOf(topic)}.md`).sort());
  });

  it('link only to pages and headings that exist', () => {
    for (const topic of topicNames) {
      for (const [, href = ''] of htmlOf(topic).matchAll(/href="([^"]*)"/g)) {
        if (/^https?:/.test(href)) continue;
        const [name = '', anchor] = href.split('#');
        const target = topicNamed(name === '' ? topic : name);
        assert.ok(target, `${topic}: ${href}`);
        if (anchor !== undefined) assert.ok(htmlOf(target).includes(`id="${anchor}"`), `${topic}: ${href}`);
      }
    }
  });

  it('describe every event that is logged', () => {
    const events = sources.flatMap((text) =>
      Array.from(text.matchAll(/event: '([a-z-]+)'/g), ([, name]) => name),
    );
    const logged = new Set([...events, 'posted', 'refused', 'absent', 'skipped']);
    // These two are in the ledger only, and the third is sent to hooks only.
    for (const name of ['intent', 'looked', 'test']) logged.delete(name);
    assert.ok(logged.size > 15);
    for (const name of logged) assert.ok(page('events').includes(`\`${name}\``), `${name} is missing`);
  });

  it('describe every alarm that a hook can have', () => {
    const alarms = after(page('monitoring'), '## Alarms');
    for (const name of alarmNames) assert.ok(alarms.includes(`\`${name}\``), `${name} is missing`);
  });

  it('describe every setting of flock.json', () => {
    const { properties } = schema.parse(flockFileSchema());
    const ofBots = schema.parse(properties['bots']?.additionalProperties);
    const settings = new Set([...Object.keys(properties), ...Object.keys(ofBots.properties)]);
    for (const name of ['bots', '$schema']) settings.delete(name);
    assert.ok(settings.size >= 14);
    for (const name of settings) assert.match(page('flock-json'), new RegExp(`^\\| \`${name}\` `, 'm'));
  });

  it('describe every variable of the environment that is ours', () => {
    const variables = sources.flatMap(
      (text) => text.match(/\b(?:KEYMAKER|CONSUMER|FLOCKD)_[A-Z_]*[A-Z]\b/g) ?? [],
    );
    // It is between the two programs of the service.
    const ours = new Set(variables.filter((name) => name !== 'FLOCKD_NOTIFY_FD'));
    for (const name of ours) assert.ok(page('flock-json').includes(`\`${name}`), `${name} is missing`);
  });

  it('name tests of the promise that exist', () => {
    const tests = Array.from(page('promise').matchAll(/`([\w/-]+\.test\.ts)`/g), ([, name = '']) => name);
    assert.ok(tests.length > 15);
    for (const name of tests) assert.ok(existsSync(path.join(root, 'test', name)), `test/${name} is missing`);
  });
});

describe('a page of the manual', () => {
  it('is found as people write its name', () => {
    for (const name of ['flock.json', 'flock-json', 'Flock.JSON'])
      assert.equal(topicNamed(name), 'flock.json');
    assert.equal(topicNamed('nothing'), undefined);
  });

  for (const columns of [60, 80, 200]) {
    it(`fits a terminal of ${columns} columns, but for what is to be copied`, () => {
      for (const topic of topicNames) {
        for (const line of textOf(topic, columns, (words) => `\u001b[1m${words}\u001b[22m`).split('\n')) {
          const text = stripVTControlCharacters(line);
          const isOneWord = !text.trim().includes(' ');
          assert.ok(/^ {4,}/.test(text) || isOneWord || widthOf(text) <= columns, `${topic}: ${text}`);
        }
      }
    });
  }

  it('leaves pictures out of the terminal and of man pages', () => {
    for (const topic of topicNames) {
      const texts = [
        textOf(topic, 80, (words) => words),
        manPageOf(topic, { version: '1.2.3', date: '2026-08-31' }),
      ];
      const pictures = htmlOf(topic).match(/<img /g)?.length ?? 0;
      assert.equal(pictures > 0, ['guide', 'monitoring'].includes(topic), topic);
      for (const text of texts) {
        assert.doesNotMatch(text, /images\/|!\[|\.png/, topic);
        assert.doesNotMatch(text, /\n\n\n|\.PP\n\.PP/, topic);
      }
    }
  });

  it('keeps every word in the terminal', () => {
    const words = textOf('faq', 80, (text) => text).replaceAll(/\s+/g, ' ');
    for (const part of ['# ', '`', '**', '](']) assert.ok(!words.includes(part), part);
    assert.match(words, /flockd resume --all lets every bot try again whose cause may be over\./);
  });

  it('numbers steps, and keeps code below its step', () => {
    const text = textOf('networks', 80, (words) => words);
    assert.match(text, /^2\. Buy credit under Billing\.$/m);
    assert.match(text, /^ {7}http:\/\/127\.0\.0\.1:4180\/callback$/m);
  });

  const skip =
    spawnSync('mandoc', ['-V']).error !== undefined &&
    'mandoc is not installed: scripts/install-debian mandoc';
  it('is a man page without a fault', { skip }, () => {
    for (const topic of topicNames) {
      const input = manPageOf(topic, { version: '1.2.3', date: '2026-08-31' });
      const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], { input, encoding: 'utf8' });
      assert.equal(lint.stdout, '', topic);
      const shown = spawnSync('mandoc', ['-T', 'utf8'], { input, encoding: 'utf8' }).stdout;
      assert.match(shown.replaceAll(/.[\b]/gu, ''), new RegExp(`keymaker-${slugOf(topic)} - `));
    }
  });

  it('has no text in roff that a macro could be made of', () => {
    const roff = manPageOf('networks', { version: '1.2.3', date: '2026-08-31' });
    assert.match(roff, /^\.SH "X, step by step"$/m);
    for (const line of roff.split('\n').filter((each) => /^[.']/.test(each)))
      assert.match(line, /^\.(TH|SH|SS|PP|IP|TP|RS|RE|nf|fi|nh|ad|br)\b/);
  });
});
