import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeldClock } from '../../../src/clock.ts';
import { readIdentifier } from '../../../src/networks/bluesky/authorize.ts';
import { serverIn, serverOf, openXrpc } from '../../../src/networks/bluesky/xrpc.ts';

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz';
const service = (endpoint: unknown, id = '#atproto_pds', type = 'AtprotoPersonalDataServer') => ({
  id: did,
  service: [{ id, type, serviceEndpoint: endpoint }],
});

describe('a handle', () => {
  const rows: [typed: string, read: string | undefined][] = [
    ['anna.bsky.social', 'anna.bsky.social'],
    ['@Anna.bsky.social ', 'anna.bsky.social'],
    ['at://anna.bsky.social', 'anna.bsky.social'],
    ['https://bsky.app/profile/anna.bsky.social', 'anna.bsky.social'],
    ['https://bsky.app/profile/anna.bsky.social/post/3jzfcijpj2z2a', 'anna.bsky.social'],
    [`https://bsky.app/profile/${did}?a=b`, did],
    ['\u202a@anna.bsky.social\u202c', 'anna.bsky.social'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    [did, did],
    ['did:web:example.com', 'did:web:example.com'],
    ['did:web:localhost%3A3000', 'did:web:localhost%3A3000'],
    ['did:web:example.com/../x', undefined],
    ['did:plc:short', undefined],
    ['anna', undefined],
    ['anna.123', undefined],
    ['-anna.social', undefined],
    ['anna..social', undefined],
    ['bücher.example', undefined],
  ];
  for (const [typed, read] of rows) {
    it(`"${typed}" is ${read ?? 'none'}`, () => {
      assert.equal(readIdentifier(typed), read);
    });
  }
});

describe('the server in a DID document', () => {
  const rows: [name: string, doc: unknown, server: string | undefined][] = [
    ['with a short id', service('https://pds.example'), 'https://pds.example'],
    ['with a long id', service('https://pds.example/', `${did}#atproto_pds`), 'https://pds.example'],
    ['on this machine', service('http://localhost:2583'), 'http://localhost:2583'],
    ['by plain http', service('http://pds.example'), undefined],
    ['with a password', service('https://a:b@pds.example'), undefined],
    ['that is no address', service('pds'), undefined],
    ['that is an object', service({ uri: 'https://pds.example' }), undefined],
    ['of another type', service('https://pds.example', '#atproto_pds', 'Other'), undefined],
    ['of another name', service('https://pds.example', '#atproto_labeler'), undefined],
    [
      'of another DID',
      { ...service('https://pds.example'), id: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb' },
      undefined,
    ],
    ['without services', { id: did }, undefined],
    ['that is no document', 'hello', undefined],
    ['that is nothing', null, undefined],
  ];
  for (const [name, doc, server] of rows) {
    it(`${name} is ${server ?? 'none'}`, () => {
      assert.equal(serverIn(doc, did), server);
    });
  }

  const places: [did: string, url: string][] = [
    [did, `https://plc.example/${did}`],
    ['did:web:anna.example', 'https://anna.example/.well-known/did.json'],
    ['did:web:localhost%3A3000', 'http://localhost:3000/.well-known/did.json'],
  ];
  for (const [of, url] of places) {
    it(`of ${of} is asked for at ${url}`, async () => {
      const asked: string[] = [];
      const body = JSON.stringify({ ...service('https://pds.example'), id: of });
      const xrpc = openXrpc((request) => {
        asked.push(request.url);
        return Promise.resolve({ status: 200, headers: {}, body });
      }, new HeldClock(0));
      assert.deepEqual(await serverOf(xrpc, 'https://plc.example', of), { ok: 'https://pds.example' });
      assert.deepEqual(asked, [url]);
    });
  }
});
