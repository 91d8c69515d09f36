import * as z from 'zod';
import type { Call, Core, Handler, Routes } from './core.ts';
import { faultRule, type Faults } from './faults.ts';
import { json, parseJson, type SandboxAnswer } from './problems.ts';
import { type Account, billFor, type Post, screenNamePattern } from './world.ts';

/** The unsigned API under /sandbox/. Tests and people use it to read the state and to order faults. */
export function controlRoutes(core: Core, faults: Faults, seed: string): Routes {
  const { world } = core;
  return guarded({
    'GET /sandbox/accounts': () =>
      json(
        200,
        world.accounts.map((account) => showAccount(core, account)),
      ),
    'GET /sandbox/posts': (call) => posts(core, call),
    'GET /sandbox/log': () =>
      json(
        200,
        world.posts.map((post) => showPost(core, post)),
      ),
    'GET /sandbox/bill': () =>
      json(200, { ...world.usage, credits: world.credits, usd: billFor(world.usage) }),
    'GET /sandbox/seed': () => json(200, { seed }),
    'GET /sandbox/faults': () => json(200, faults.rules),
    'POST /sandbox/faults': (call) =>
      withBody(call, faultRule, (rule) => {
        faults.add(rule);
        return json(201, faults.rules);
      }),
    'DELETE /sandbox/faults': () => {
      faults.clear();
      return json(200, []);
    },
    'POST /sandbox/credits': (call) =>
      withBody(call, z.strictObject({ credits: z.number().nullable() }), ({ credits }) => {
        world.credits = credits;
        world.changed();
        return json(200, { credits });
      }),
    'POST /sandbox/clock': (call) =>
      withBody(call, z.strictObject({ ahead: z.int() }), ({ ahead }) => {
        core.ahead = ahead;
        return json(200, { ahead });
      }),
    'POST /sandbox/accounts/:name/suspend': onAccount(core, (account) => (account.suspended = true)),
    'POST /sandbox/accounts/:name/unsuspend': onAccount(core, (account) => (account.suspended = false)),
    'POST /sandbox/accounts/:name/rename/:to': (call) => rename(core, call),
    'POST /sandbox/accounts/:name/revoke': onAccount(core, ({ id }) => {
      for (const token of world.tokensOf(id)) token.revoked = true;
    }),
    'POST /sandbox/accounts/:name/read-only': onAccount(core, ({ id }) => {
      for (const token of world.tokensOf(id)) token.access = 'read';
    }),
  });
}

/** Refuses requests from other web pages: a browser lets any page send requests to a loopback address. */
function guarded(routes: Routes): Routes {
  const guard =
    (handler: Handler): Handler =>
    (call) => {
      const { headers, host } = call.request;
      const origin = headers['origin'];
      if (origin === undefined || origin === `http://${host}`) return handler(call);
      return json(403, { detail: 'The sandbox refuses control requests from another origin.' });
    };
  return Object.fromEntries(Object.entries(routes).map(([key, handler]) => [key, guard(handler)]));
}

function posts(core: Core, call: Call): SandboxAnswer {
  const name = call.query.get('account');
  if (name === null)
    return json(
      200,
      live(core.world.posts).map((post) => showPost(core, post)),
    );
  const account = core.world.accountNamed(name);
  if (!account) return noAccount(name);
  return json(
    200,
    live(core.world.postsOf(account.id)).map((post) => showPost(core, post)),
  );
}

const live = (list: readonly Post[]): Post[] => list.filter(({ deleted }) => !deleted);

/** A post with its text as stored: nothing is escaped or shortened. */
function showPost({ world }: Core, { id, accountId, text, instant, deleted }: Post): object {
  const account = world.account(accountId)?.screenName ?? '';
  return { id, account, text, instant: new Date(instant).toISOString(), deleted };
}

function showAccount({ world }: Core, { id, screenName, suspended, created }: Account): object {
  const tokens = world.tokensOf(id).filter(({ revoked }) => !revoked);
  return {
    id,
    screenName,
    suspended,
    created: new Date(created).toISOString(),
    posts: live(world.postsOf(id)).length,
    tokens: tokens.map(({ access, dialect }) => (dialect === 'x' ? access : `${dialect} ${access}`)),
  };
}

function onAccount(core: Core, change: (account: Account) => unknown): Handler {
  return ({ parts }) => {
    const account = core.world.accountNamed(parts['name'] ?? '');
    if (!account) return noAccount(parts['name'] ?? '');
    change(account);
    core.world.changed();
    return json(200, showAccount(core, account));
  };
}

function rename(core: Core, call: Call): SandboxAnswer {
  const { to = '' } = call.parts;
  const account = core.world.accountNamed(call.parts['name'] ?? '');
  if (account && (!screenNamePattern.test(to) || !core.world.rename(account, to)))
    return json(409, { detail: `No account can have the name ${to} now.` });
  return onAccount(core, () => undefined)(account ? { ...call, parts: { name: to } } : call);
}

const noAccount = (name: string): SandboxAnswer =>
  json(404, { detail: `The sandbox has no account ${name}.` });

function withBody<T>(call: Call, schema: z.ZodType<T>, act: (value: T) => SandboxAnswer): SandboxAnswer {
  const value = parseJson(call.request.body);
  if (value === undefined) return json(400, { detail: 'The body is not JSON.' });
  const read = schema.safeParse(value);
  return read.success ? act(read.data) : json(400, { detail: z.prettifyError(read.error) });
}
