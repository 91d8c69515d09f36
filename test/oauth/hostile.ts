import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { customProvider, providerFrom } from '../../src/config/flock-file.ts';
import { type Exit, FlockError } from '../../src/errors.ts';
import type { HttpAnswer } from '../../src/http/exchange.ts';
import {
  type Account,
  readAccessToken,
  readPasswordToken,
  readRequestToken,
  readRevoked,
  readWhoAmI,
} from '../../src/oauth/client.ts';
import { flickrProvider, type Provider, tumblrProvider, xProvider } from '../../src/oauth/providers.ts';
import type { TokenPair } from '../../src/oauth/signature.ts';

/** The one of flock.json: with fields of its own, and nothing said of the callback. */
const own = providerFrom(
  'own',
  customProvider.parse({
    title: 'Own',
    requestTokenUrl: 'https://own.example/request',
    authorizeUrl: 'https://own.example/authorize',
    accessTokenUrl: 'https://own.example/access',
    accountFields: { id: 'uid', name: 'nick' },
    whoAmI: { url: 'https://own.example/me', id: 'who.is.id', name: 'who.is.nick' },
    revokeUrl: 'https://own.example/revoke',
    confirmsCallback: false,
  }),
);

export const providers: readonly Provider[] = [
  xProvider('https://api.x.com'),
  flickrProvider(),
  tumblrProvider(),
  own,
];

/** What a field stands for. */
export type Kind = 'token' | 'secret' | 'confirmed' | 'id' | 'name';
export type Fields = readonly (readonly [name: string, value: string, kind: Kind])[];

/** Everything that the answers of the dance can give. */
export interface Taken {
  token?: string;
  secret?: string;
  id?: string;
  name?: string;
}

/** One answer of the dance. */
export interface Step {
  title: string;
  provider: Provider;
  /** What a good one says, in the order that providers have. */
  fields: Fields;
  /** It is a form unless this lays it out. */
  layOut: (fields: Fields) => string;
  read: (answer: HttpAnswer) => Taken;
  /** How each status but 200 ends. */
  exits: Readonly<Record<number, Exit>>;
}

/** Sentinels: none of them may ever be read in an error. */
const tokens: Fields = [
  ['oauth_token', 'hidden-token', 'token'],
  ['oauth_token_secret', 'hidden-secret', 'secret'],
];

export const form = (fields: Fields): string =>
  fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');

export const jsonOf = (fields: Fields): string =>
  JSON.stringify(Object.fromEntries(fields.map(([name, value]) => [name, value])));

/** JSON with each value at its way; the later one wins, and what is in its way is replaced. */
export function nested(fields: Fields): string {
  const top: Record<string, unknown> = {};
  for (const [way, value] of fields) {
    const steps = way.split('.');
    const last = steps.pop() ?? '';
    let place = top;
    for (const step of steps) {
      place[step] ??= {};
      place = place[step] as Record<string, unknown>;
    }
    place[last] = value;
  }
  return JSON.stringify(top);
}

const first: Step['exits'] = {
  201: 'unavailable',
  204: 'unavailable',
  302: 'unavailable',
  400: 'unavailable',
  401: 'config',
  403: 'unavailable',
  404: 'unavailable',
  429: 'tryLater',
  500: 'unavailable',
  503: 'unavailable',
};
const badVerifier = { ...first, 400: 'tryLater', 401: 'tryLater', 403: 'tryLater' } as const;
const badKey = { ...first, 401: 'partly', 403: 'partly' } as const;
const noXAuth = { ...first, 400: 'config', 401: 'config', 403: 'config', 404: 'config' } as const;

const taken = (pair: TokenPair, account?: Account): Taken => ({
  ...pair.reveal(),
  ...(account && { id: account.userId, name: account.screenName }),
});

/** A name and an id that each provider would give. */
const idOf = ({ id }: Provider): string => (id === 'flickr' ? '77@N01' : '77');

function stepsOf(provider: Provider): Step[] {
  const { accountFields, whoAmI, confirmsCallback } = provider;
  const account = (names: { id: string; name: string }): Fields =>
    names.id === names.name
      ? [[names.id, 'Rain_1', 'id']]
      : [[names.id, idOf(provider), 'id'], [names.name, 'Rain_1', 'name']]; // prettier-ignore
  const granted = [...tokens, ...(accountFields ? account(accountFields) : [])];
  const steps: Omit<Step, 'provider'>[] = [
    {
      title: 'the request token',
      fields: confirmsCallback ? [...tokens, ['oauth_callback_confirmed', 'true', 'confirmed']] : tokens,
      layOut: form,
      read: (answer) => taken(readRequestToken(answer, provider)),
      exits: first,
    },
    ...([
      ['the access token', readAccessToken, badVerifier],
      ['the access token of xAuth', readPasswordToken, noXAuth],
    ] as const).map(([title, read, exits]) => ({
      title,
      fields: granted,
      layOut: form,
      read: (answer: HttpAnswer) => {
        const found = read(answer, provider);
        return taken(found.accessToken, found.account);
      },
      exits,
    })),
  ]; // prettier-ignore
  if (whoAmI) {
    const read = (answer: HttpAnswer): Taken => {
      const { userId, screenName } = readWhoAmI(answer, provider, whoAmI);
      if (whoAmI.id !== whoAmI.name) return { id: userId, name: screenName };
      assert.equal(screenName, userId);
      return { id: userId };
    };
    steps.push({ title: 'whose the key is', fields: account(whoAmI), layOut: nested, read, exits: badKey });
  }
  return steps.map((step) => ({ ...step, provider }));
}

/** Each answer of the dance, of each provider. */
export const steps: readonly Step[] = providers.flatMap(stepsOf);

/** The answer that ends a key has no fields, and is asked of providers that end keys. */
export const revocations = providers
  .filter(({ revokeUrl }) => revokeUrl !== undefined)
  .map((provider) => ({ provider, read: (answer: HttpAnswer) => readRevoked(answer, provider) }));

export const answer = (status: number, body: string): HttpAnswer => ({ status, headers: {}, body });

/** What a good answer gives. */
export const rightOf = (fields: Fields): Taken =>
  Object.fromEntries(
    fields.filter(([, , kind]) => kind !== 'confirmed').map(([, value, kind]) => [kind, value]),
  );

// eslint-disable-next-line no-control-regex -- they are what must not be there
const unprintable = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** The error that a person is shown: of ours, with a repair, on one line, and with nothing that is secret. */
function assertTold(error: unknown, { title }: Provider): FlockError {
  assert.ok(error instanceof FlockError, inspect(error));
  assert.ok(error.message.startsWith(`${title} `) || error.message.includes(` and ${title} `), error.message);
  assert.ok(error.hint, 'it has no hint');
  for (const text of [error.message, error.hint]) assert.doesNotMatch(text, unprintable);
  assert.ok(error.message.length < 400, 'it repeats all that came');
  assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /hidden-/);
  return error;
}

/** What comes of an answer: what was taken from it, or the error. */
export function outcome<T>(
  read: (answer: HttpAnswer) => T,
  provider: Provider,
  said: HttpAnswer,
): T | FlockError {
  try {
    return read(said);
  } catch (error) {
    return assertTold(error, provider);
  }
}
