import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  authorizationHeader,
  baseString,
  encode,
  formBody,
  type Parameter,
  TokenPair,
} from '../../src/oauth/signature.ts';

/** The parameters in a header, decoded. */
function readHeader(header: string): Map<string, string> {
  assert.match(header, /^OAuth /);
  const fields = header.slice('OAuth '.length).split(', ');
  return new Map(
    fields.map((field) => {
      const found = /^([^=]+)="([^"]*)"$/.exec(field);
      assert.ok(found, field);
      return [decodeURIComponent(found[1] ?? ''), decodeURIComponent(found[2] ?? '')];
    }),
  );
}

describe('the text that is signed', () => {
  it('is that of RFC 5849, section 3.4.1.1', () => {
    const protocol: Parameter[] = [
      ['oauth_consumer_key', '9djdj82h48djs9d2'],
      ['oauth_token', 'kkk9d7dh3k39sjv7'],
      ['oauth_signature_method', 'HMAC-SHA1'],
      ['oauth_timestamp', '137131201'],
      ['oauth_nonce', '7d8f3e4a'],
    ];
    const form: Parameter[] = [
      ['c2', ''],
      ['a3', '2 q'],
    ];
    const url = 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b';
    assert.equal(
      baseString({ method: 'post', url, form }, protocol),
      'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26' +
        'oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26' +
        'oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
    );
  });

  it('leaves out the fragment', () => {
    const [plain, marked] = ['https://api.x.com/a?b=1', 'https://api.x.com/a?b=1#c=2'];
    assert.equal(
      baseString({ method: 'GET', url: marked }, []),
      baseString({ method: 'GET', url: plain }, []),
    );
  });
});

describe('a signature', () => {
  for (const [api, signature] of [
    ['https://api.twitter.com/1/statuses/update.json', 'tnnArxj06cWHq44gCs1OSKk/jLY='],
    ['https://api.twitter.com/1.1/statuses/update.json', 'hCtSmYh+iHYCEqBWrE7C7hYmtUk='],
  ] as const) {
    it(`is that of X’s own example for ${api}`, () => {
      const header = authorizationHeader({
        method: 'POST',
        url: `${api}?include_entities=true`,
        form: [['status', 'Hello Ladies + Gentlemen, a signed OAuth request!']],
        appKeys: new TokenPair('xvz1evFS4wEEPTGEFPHBog', 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw'),
        token: new TokenPair(
          '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb',
          'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
        ),
        nonce: 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg',
        timestamp: 1318622958,
      });
      assert.equal(readHeader(header).get('oauth_signature'), signature);
    });
  }
});

interface Vectors {
  consumer: { token: string; secret: string };
  token: { token: string; secret: string };
  cases: {
    method: string;
    url: string;
    form: Parameter[];
    oauth: Parameter[];
    token: boolean;
    timestamp: number;
    nonce: string;
    base: string;
    signature: string;
  }[];
}

const vectors = JSON.parse(
  readFileSync(path.join(import.meta.dirname, 'vectors/oauthlib.json'), 'utf8'),
) as Vectors;

describe('oauthlib signs likewise', () => {
  const appKeys = new TokenPair(vectors.consumer.token, vectors.consumer.secret);
  const accessToken = new TokenPair(vectors.token.token, vectors.token.secret);
  for (const { base, signature, token, ...request } of vectors.cases) {
    it(`${request.method} ${request.url} ${formBody(request.form)} ${formBody(request.oauth)}`, () => {
      const header = authorizationHeader({ ...request, appKeys, ...(token && { token: accessToken }) });
      const fields = readHeader(header);
      const protocol = [...fields]
        .filter(([name]) => name !== 'oauth_signature')
        .map(([name, value]): Parameter => [encode(name), encode(value)]);
      assert.equal(baseString(request, protocol), base);
      assert.equal(fields.get('oauth_signature'), signature);
    });
  }
});

describe('encoding', () => {
  it('leaves only unreserved characters, and can be read back', () => {
    assert.equal(encode("a-._~ +!*'()\u00e9/&="), 'a-._~%20%2B%21%2A%27%28%29%C3%A9%2F%26%3D');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.match(encode(text), /^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        assert.equal(decodeURIComponent(encode(text)), text);
      }),
    );
  });

  it('of a form is what a server reads as the form', () => {
    const parameters = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })));
    fc.assert(
      fc.property(parameters, (form) => {
        assert.deepEqual([...new URLSearchParams(formBody(form))], form);
      }),
    );
  });
});

describe('a header', () => {
  it('has no secret in it, and only the token where there is one', () => {
    const header = authorizationHeader({
      method: 'GET',
      url: 'https://api.x.com/2/users/me',
      appKeys: new TokenPair('app', 'app-hidden'),
      nonce: 'n',
      timestamp: 7,
    });
    assert.doesNotMatch(header, /hidden|oauth_token/);
    const signed = readHeader(header);
    const rest = [...signed].filter(([name]) => name !== 'oauth_signature');
    const base = baseString({ method: 'GET', url: 'https://api.x.com/2/users/me' }, rest);
    assert.equal(
      signed.get('oauth_signature'),
      createHmac('sha1', 'app-hidden&').update(base).digest('base64'),
    );
  });
});
