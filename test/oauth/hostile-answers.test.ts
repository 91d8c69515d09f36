import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FlockError } from '../../src/errors.ts';
import { readWhoAmI, VerifierRefused } from '../../src/oauth/client.ts';
import type { Provider } from '../../src/oauth/providers.ts';
import {
  answer,
  type Fields,
  form,
  jsonOf,
  type Kind,
  nested,
  outcome,
  providers,
  revocations,
  rightOf,
  type Step,
  steps,
} from './hostile.ts';

type Json = Record<string, unknown>;
const nameOf = ({ title, provider }: Step): string => `${title} of ${provider.title}`;

/** It is refused, and not as a wrong PIN: the answer is no answer. */
function assertRefused({ read, provider }: Step, body: string, what: string): void {
  const found = outcome(read, provider, answer(200, body));
  assert.ok(found instanceof FlockError, `${what} was taken: ${JSON.stringify(found)}`);
  assert.ok(!(found instanceof VerifierRefused), what);
  assert.equal(found.exit, 'unavailable', what);
}

function assertTaken({ read, provider }: Step, body: string, fields: Fields, what: string): void {
  assert.deepEqual(outcome(read, provider, answer(200, body)), rightOf(fields), what);
}

const free = ['token', 'secret', 'id', 'name'] as const;
const long = (length: number): string => 'a'.repeat(length);

/** Values of one field, and the kinds of field that may have them where a provider is as free as it can be. */
const values: [what: string, value: string, allowed: readonly Kind[]][] = [
  ['nothing', '', []],
  ['a line break', 'a\nb', []],
  ['a line break at its end', '77\n', []],
  ['a carriage return', 'a\rb', []],
  ['a tab', 'a\tb', []],
  ['an escape code', '\x1b[2J', []],
  ['an escape code of one byte', '\x9b2J', []],
  ['a NUL', 'a\0b', []],
  ['a bell', 'a\x07', []],
  ['a delete', 'a\x7f', []],
  ['letters turned around', 'a\u202Eb', []],
  ['a letter that nobody sees', 'a\u200Bb', []],
  ['a byte order mark', '\uFEFFa', []],
  ['a space', 'a b', ['name']],
  ['a letter beyond ASCII', 'Ødegård', ['name']],
  ['digits of another script', '٧٧', ['name']],
  ['dots', '..', free],
  ['a way out of the folder', '../../etc/x', free],
  ['markup', '<b>&quot;</b>', free],
  ['the name of a prototype', '__proto__', free],
  ['100 characters', long(100), free],
  ['101 characters', long(101), ['token', 'secret']],
  ['512 characters', long(512), ['token', 'secret']],
  ['513 characters', long(513), []],
  ['a megabyte', long(1 << 20), []],
  ['another case', 'TRUE', free],
];

/** X has ids of digits and names of letters; its names may be as long as the longest of old. */
const fitsX: Partial<Record<Kind, RegExp>> = { id: /^[0-9]{1,20}$/, name: /^[A-Za-z0-9_]{1,50}$/ };
const mayBe = ({ id }: Provider, kind: Kind, value: string, allowed: readonly Kind[]): boolean =>
  allowed.includes(kind) && (id !== 'x' || (fitsX[kind]?.test(value) ?? true));

describe('each field of each answer', () => {
  for (const step of steps) {
    const { fields, layOut, provider } = step;
    const asForm = layOut === form;

    it(`is taken where all are there: ${nameOf(step)}`, () => {
      assertTaken(step, layOut(fields), fields, 'good');
      assertTaken(step, layOut([...fields].reverse()), fields, 'turned around');
      assertTaken(step, `\r\n${layOut(fields)}\n`, fields, 'on a line of its own');
      if (asForm) assertTaken(step, jsonOf(fields), fields, 'JSON');
      if (asForm) assertTaken(step, `${layOut(fields)}&x=1&x=2&__proto__=1`, fields, 'and others');
    });

    for (const [index, [name, value, kind]] of fields.entries()) {
      const others = fields.filter((_, at) => at !== index);
      const having = (other: string): Fields =>
        fields.map((field, at) => (at === index ? [name, other, kind] : field));

      it(`is not done without: ${name} in ${nameOf(step)}`, () => {
        assertRefused(step, layOut(others), 'missing');
        assertRefused(step, layOut([...others, [name.toUpperCase(), value, kind]]), 'in capitals');
        assertRefused(step, layOut([...others, [` ${name}`, value, kind]]), 'after a space');
        assertRefused(step, layOut([...others, [`${name}[]`, value, kind]]), 'as a list');
        if (!asForm) return;
        assertRefused(step, jsonOf(others), 'missing in JSON');
        assertRefused(step, layOut([...fields, [name, value, kind]]), 'doubled');
        assertRefused(step, layOut([[name, 'other', kind], ...fields]), 'doubled and different');
        assertRefused(step, `${layOut(others)}&${name}`, 'without a value');
        assertRefused(step, layOut(fields).replaceAll('&', ';'), 'with semicolons');
      });

      it(`is held to its form: ${name} in ${nameOf(step)}`, () => {
        for (const [what, odd, allowed] of values) {
          const layouts = asForm ? [form, jsonOf] : [nested];
          for (const lay of layouts) {
            if (mayBe(provider, kind, odd, allowed)) assertTaken(step, lay(having(odd)), having(odd), what);
            else assertRefused(step, lay(having(odd)), `${name} of ${what}`);
          }
        }
      });

      it(`is text, or nothing: ${name} in ${nameOf(step)}`, () => {
        const odd = [null, [value], [[value]], { [name]: value }, {}, [], true, { length: 2 }];
        for (const other of odd) {
          if (typeof other === 'boolean' && asForm) continue; // 'true' is what a form would say
          const whole = JSON.parse((asForm ? jsonOf : nested)(fields)) as Json;
          const way = asForm ? [name] : name.split('.');
          const last = way.pop() ?? '';
          const place = way.reduce((at, key) => at[key] as Json, whole);
          place[last] = other;
          assertRefused(step, JSON.stringify(whole), JSON.stringify(other));
        }
      });
    }

    it(`is not put together from a part: ${nameOf(step)}`, () => {
      for (const lay of asForm ? [form, jsonOf] : [nested]) {
        const good = lay(fields);
        const [, lastValue = ''] = fields.at(-1) ?? [];
        // In a form nothing tells where the last value ends: that is left to HTTP.
        const cut = lay === form ? good.length - encodeURIComponent(lastValue).length : good.length - 1;
        for (let end = 0; end <= cut; end++) assertRefused(step, good.slice(0, end), `cut at ${end}`);
      }
    });
  }
});

const bodies: [what: string, body: string][] = [
  ['nothing', ''],
  ['blanks', ' \r\n\t'],
  ['XML', '<?xml version="1.0"?><oauth_token>hidden-token</oauth_token>'],
  ['a text', 'Failed to validate oauth signature and token hidden-token'],
  ['a page', '<!DOCTYPE html><HTML><p>oauth_token=hidden-token&amp;oauth_token_secret=hidden-secret</HTML>'],
  ['a text with escape codes', '\x1b]0;hidden-title\x07\r\noauth_token\0hidden-token\u2028'],
  ['a problem', 'oauth_problem=parameter_absent&oauth_parameters_absent=oauth_token%0Ahidden-token'],
  ['null', 'null'],
  ['a number', '77'],
  ['a string', '"oauth_token=hidden-token"'],
  ['a list', '[{"oauth_token":"hidden-token","oauth_token_secret":"hidden-secret"}]'],
  ['an empty object', '{}'],
  ['a prototype', '{"__proto__":{"oauth_token":"hidden-token","id":"1","name":"a"}}'],
  ['a deep list', '['.repeat(100_000)],
  ['a deep object', `${'{"data":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ['bad percent signs', '%=%zz&oauth_token=%&%E0%A4%A=1'],
  ['nothing but separators', '&=&=&'.repeat(10_000)],
  ['many fields', Array.from({ length: 50_000 }, (_, n) => `f${n}=hidden-${n}`).join('&')],
  ['half a code', `"code${' '.repeat(100_000)}`],
];

describe('an answer that is none', () => {
  for (const step of steps) {
    it(`is refused with status 200: ${nameOf(step)}`, () => {
      for (const [what, body] of bodies) assertRefused(step, body, what);
    });

    it(`is refused with any other status: ${nameOf(step)}`, () => {
      for (const [status, exit] of Object.entries(step.exits)) {
        const good = outcome(step.read, step.provider, answer(Number(status), step.layOut(step.fields)));
        assert.ok(good instanceof FlockError, `${status} with a good one`);
        for (const [what, body] of bodies) {
          const found = outcome(step.read, step.provider, answer(Number(status), body));
          assert.ok(found instanceof FlockError, `${status} with ${what}`);
          // A page is not the provider's word, whatever its status.
          const isPage = what === 'a page' && Number(status) >= 400 && Number(status) < 429;
          assert.equal(found.exit, isPage ? 'unavailable' : exit, `${status} with ${what}: ${found.message}`);
        }
      }
    });

    it(`quotes what the provider says of its errors, on one line and without secrets: ${nameOf(step)}`, () => {
      const message = 'Not now,\n\x1b[2J hidden-Zx81kQp0aB73 said \u202E the app is in no Project';
      for (const code of [32, 89, 99, 135, 215, 415, 99_999]) {
        const said = { errors: [{ code, message }] };
        for (const status of [400, 401, 403, 404]) {
          const found = outcome(step.read, step.provider, answer(status, JSON.stringify(said)));
          assert.ok(found instanceof FlockError, String(status));
          assert.match(found.message, /: “Not now, \[2J … said the app is in no Project”$/);
        }
      }
    });
  }

  it('does not end a key, or says that it was dead', () => {
    const dead = '{"errors":[{"code":89,"message":"Invalid or expired token."}]}';
    for (const { provider, read } of revocations) {
      for (const [what, body] of bodies) {
        assert.equal(outcome(read, provider, answer(200, body)), 'ended');
        for (const status of Object.keys(steps[0]?.exits ?? {})) {
          const found = outcome(read, provider, answer(Number(status), body));
          assert.ok(found instanceof FlockError, `${status} with ${what}`);
        }
      }
      assert.equal(outcome(read, provider, answer(401, dead)), 'was dead');
      for (const body of ['{"errors":[{"code":890}]}', '{"errors":[{"code":189}]}'])
        assert.ok(outcome(read, provider, answer(401, body)) instanceof FlockError);
      for (const status of [400, 403, 404, 500])
        assert.ok(outcome(read, provider, answer(status, dead)) instanceof FlockError);
    }
  });
});

describe('a way into an answer that says whose a key is', () => {
  const [, , , own] = providers;
  assert.ok(own);
  const ask = (way: string, body: string) =>
    outcome(
      (said) => readWhoAmI(said, own, { url: 'https://own.example/me', id: way, name: way }),
      own,
      answer(200, body),
    );

  it('ends at what is the answer’s own', () => {
    const ways = [
      '__proto__',
      'constructor',
      'constructor.name',
      'toString',
      'toString.name',
      'length',
      '0',
      'a.length',
      'a.0',
      'a.constructor.name',
      '__proto__.a',
      'a.__proto__.b',
      '',
      '.',
      'a.',
      '.a',
      'a..b',
    ];
    const texts = [
      '{}',
      '[]',
      '["x"]',
      '"text"',
      '1',
      'null',
      'true',
      '{"a":"text"}',
      '{"a":["x"]}',
      '{"a":{}}',
      '{"a":null}',
      '{"a":1}',
      '{"__proto__":null}',
      '{"a":{"__proto__":null}}',
    ];
    for (const way of ways) {
      for (const body of texts)
        assert.ok(
          ask(way, body) instanceof FlockError,
          `${way} in ${body}: ${JSON.stringify(ask(way, body))}`,
        );
    }
  });

  it('leads to numbers as they are written', () => {
    assert.deepEqual(ask('a', '{"a":77}'), { userId: '77', screenName: '77' });
  });

  // JSON.parse rounds the first to 1834567890123456800, the id of somebody else.
  it('never leads to another number than is written there', () => {
    const exact = ['1834567890123456789', '9007199254740993', '7.50', '1e400'].map((id) => [id, id]);
    for (const [written, id] of [...exact, ['1e2', '100'], ['-0', '0'], ['7.0', '7']]) {
      const found = ask('a', `{"a":${written}}`);
      assert.ok(found instanceof FlockError || found.userId === id, `${written}: ${JSON.stringify(found)}`);
    }
  });
});

describe('a good answer that was changed at random', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom(
      '&',
      '=',
      '%',
      '%0A',
      '%00',
      '%1b',
      '%E2%80%AE',
      '"',
      '{',
      '}',
      '\\u0007',
      '..',
      '\n',
      '\0',
      '+',
      'oauth_token=a',
    ),
  );
  const edit = fc.record({ at: fc.nat(200), cut: fc.nat(6), piece });
  const status = fc.oneof(
    { weight: 3, arbitrary: fc.constant(200) },
    fc.constantFrom(201, 302, 400, 401, 403, 404, 429, 503),
  );

  it('is taken with good values, or refused in words', () => {
    let grants = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...steps),
        fc.boolean(),
        fc.array(edit, { maxLength: 4 }),
        status,
        (step, asJson, edits, code) => {
          let body = asJson && step.layOut === form ? jsonOf(step.fields) : step.layOut(step.fields);
          for (const { at, cut, piece: text } of edits)
            body = body.slice(0, at) + text + body.slice(at + cut);
          const found = outcome(step.read, step.provider, answer(code, body));
          if (found instanceof FlockError) return;
          grants += 1;
          assert.equal(code, 200);
          for (const value of [found.token, found.secret, found.id])
            assert.match(value ?? 'none', /^[\x21-\x7e]{1,512}$/);
          assert.match(
            found.name ?? 'none',
            step.provider.id === 'x' ? /^\w{1,50}$/ : /^[^\p{Cc}\p{Cf}]{1,100}$/u,
          );
        },
      ),
      { numRuns: 10_000 },
    );
    // About 1,830 are, give or take 40.
    assert.ok(grants > 1_500, `only ${grants} were taken`);
  });

  it('is never said again, whatever the provider makes of it', () => {
    for (const { provider, read } of revocations) {
      fc.assert(
        fc.property(status, fc.string({ unit: 'binary' }), (code, text) => {
          outcome(read, provider, answer(code, `${text}hidden-text${text}`));
        }),
      );
    }
  });
});
