import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checked, keysIn, onlyRefusal, json } from './foreign-found.ts';

describe('a file of keys', () => {
  for (const text of [
    '',
    ' ',
    'null',
    '[]',
    '7',
    '"Hidden"',
    'Hidden',
    '{}',
    '- Hidden',
    '{"Hidden": 7}',
    'Hidden: 7',
    '\0',
    '# Hidden',
  ]) {
    it(`is not ${json(text)}`, () => {
      onlyRefusal(text, /no keys in a known format|neither JSON nor YAML/);
    });
  }

  it('of OAuth 2 is refused as what it is', () => {
    onlyRefusal(json({ access_token: 'Hidden', refresh_token: 'Hidden' }), /keys of OAuth 2/);
    onlyRefusal(json({ client_id: 'Hidden', client_secret: 'Hidden' }), /keys of OAuth 2/);
  });

  it('may begin with a byte order mark', () => {
    onlyRefusal('\ufeff{"apps": {}}', /no OAuth 1\.0a key/);
    onlyRefusal('\ufeffapps: {}', /no OAuth 1\.0a key/);
  });

  const deep = 20_000;
  const hostile: [name: string, text: string][] = [
    ['broken YAML', 'profiles:\n  Hidden: "Hidden\n : - Hidden'],
    ['two documents', 'apps: {}\n---\nHidden: 1'],
    ['a key twice', 'profiles:\n  Hidden: 1\n  Hidden: 2'],
    ['an alias to nothing', 'profiles: *Hidden'],
    ['deep JSON', `{"profiles": ${'['.repeat(deep)}`],
    ['deep YAML', `profiles: ${'['.repeat(deep)}${']'.repeat(deep)}`],
    [
      'aliases of aliases',
      [
        'a: &a [Hidden]',
        ...Array.from(
          { length: 20 },
          (_, n) =>
            `b${n}: &b${n} [${Array(9)
              .fill(`*${n === 0 ? 'a' : `b${n - 1}`}`)
              .join()}]`,
        ),
        'profiles: *b19',
      ].join('\n'),
    ],
  ];
  for (const [name, text] of hostile) {
    it(`is refused in peace: ${name}`, () => {
      onlyRefusal(text, /neither JSON nor YAML|not whole JSON|no accounts/);
    });
  }

  it('takes nothing from names that mean something to JavaScript', () => {
    const text = '{"profiles": {"__proto__": {"k": {"token": "Hidden"}}, "constructor": {"toString": 7}}}';
    assert.equal(keysIn(text).length, 0);
    assert.equal(Object.hasOwn(Object.prototype, 'k'), false);
  });

  it('says nothing on the side about tags and keys it does not know', (context) => {
    const warned = context.mock.method(process, 'emitWarning');
    checked('!ruby/hash:Hidden\nprofiles:\n  ? [Hidden, Hidden]\n  : !Hidden {}\n');
    assert.equal(warned.mock.callCount(), 0);
  });
});
