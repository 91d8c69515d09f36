import * as z from 'zod';
import { parseJson } from '../text.ts';
import { faultRule, type Faults } from './faults.ts';
import { type Call, json, type Routes, type SandboxAnswer } from './messages.ts';
import { type Account, billFor, type Core, type Post, screenNamePattern, type World } from './world.ts';

/** The unsigned API under /sandbox/. Tests and people use it to read the state and to order faults. */
export function controlRoutes(core: Core, faults: Faults, seed: string): Routes {
  const { world } = core;
  return {
    'GET /sandbox/accounts': () => ok(world.accounts.map((account) => showAccount(world, account))),
    'GET /sandbox/posts': ({ query }) => livePosts(world, query.get('account')),
    'GET /sandbox/log': () => ok(world.posts.map((post) => showPost(world, post))),
    'GET /sandbox/bill': () => ok({ ...world.usage, credits: world.credits, usd: billFor(world.usage) }),
    'GET /sandbox/seed': () => ok({ seed }),
    'GET /sandbox/faults': () => ok(faults.rules),
    'POST /sandbox/faults': withBody(faultRule, (rule) => {
      faults.add(rule);
      return json(201, faults.rules);
    }),
    'DELETE /sandbox/faults': () => {
      faults.clear();
      return ok([]);
    },
    'POST /sandbox/credits': withBody(z.strictObject({ credits: z.number().nullable() }), ({ credits }) => {
      world.credits = credits;
      world.changed();
      return ok({ credits });
    }),
    'POST /sandbox/clock': withBody(z.strictObject({ ahead: z.int() }), ({ ahead }) => {
      core.ahead = ahead;
      return ok({ ahead });
    }),
    'POST /sandbox/accounts/:name/suspend': onAccount(world, (account) => void (account.suspended = true)),
    'POST /sandbox/accounts/:name/unsuspend': onAccount(world, (account) => void (account.suspended = false)),
    'POST /sandbox/accounts/:name/rename/:to': onAccount(world, (account, { parts: { to = '' } }) =>
      screenNamePattern.test(to) && world.rename(account, to)
        ? undefined
        : json(409, { detail: `No account can have the name ${to} now.` }),
    ),
    'POST /sandbox/accounts/:name/revoke': onAccount(world, ({ id }) => {
      for (const token of world.tokensOf(id)) token.revoked = true;
    }),
    'POST /sandbox/accounts/:name/read-only': onAccount(world, ({ id }) => {
      for (const token of world.tokensOf(id)) token.access = 'read';
    }),
  };
}

const ok = (value: unknown): SandboxAnswer => json(200, value);

function livePosts(world: World, name: string | null): SandboxAnswer {
  const account = name === null ? undefined : world.accountNamed(name);
  if (name !== null && !account) return noAccount(name);
  const posts = account ? world.postsOf(account.id) : world.posts;
  return ok(posts.filter(({ deleted }) => !deleted).map((post) => showPost(world, post)));
}

/** A post with its text as stored: nothing is escaped or shortened. */
function showPost(world: World, { id, accountId, text, instant, deleted }: Post): object {
  const account = world.account(accountId)?.screenName ?? '';
  return { id, account, text, instant: new Date(instant).toISOString(), deleted };
}

function showAccount(world: World, { id, screenName, suspended, created }: Account): object {
  const tokens = world.tokensOf(id).filter(({ revoked }) => !revoked);
  return {
    id,
    screenName,
    suspended,
    created: new Date(created).toISOString(),
    posts: world.postsOf(id).filter(({ deleted }) => !deleted).length,
    tokens: tokens.map(({ access, dialect }) => (dialect === 'x' ? access : `${dialect} ${access}`)),
  };
}

/** @param change changes the account, or returns a refusal */
function onAccount(
  world: World,
  change: (account: Account, call: Call) => SandboxAnswer | undefined,
): Routes[string] {
  return (call) => {
    const { name = '' } = call.parts;
    const account = world.accountNamed(name);
    if (!account) return noAccount(name);
    const refused = change(account, call);
    if (refused) return refused;
    world.changed();
    return ok(showAccount(world, account));
  };
}

const noAccount = (name: string): SandboxAnswer =>
  json(404, { detail: `The sandbox has no account ${name}.` });

function withBody<T>(schema: z.ZodType<T>, act: (value: T) => SandboxAnswer): Routes[string] {
  return ({ request }) => {
    const value = parseJson(request.body);
    if (value === undefined) return json(400, { detail: 'The body is not JSON.' });
    const read = schema.safeParse(value);
    return read.success ? act(read.data) : json(400, { detail: z.prettifyError(read.error) });
  };
}
