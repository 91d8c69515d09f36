import path from 'node:path';
import fse from 'fs-extra';
import * as z from 'zod';
import { appKeysIfSet } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import { type Context, openContext, type Places } from '../../context.ts';
import { attempt, FlockError, systemCode } from '../../errors.ts';
import { fileError, replaceFile } from '../../fs.ts';
import { chosenIssuer, type LinkIssuer } from '../../keys/issuers.ts';
import { readPrivateFile } from '../../keys/private-file.ts';
import type { KeyBundle } from '../../keys/bundle.ts';
import { expectedName, isSameName } from '../../keys/right-account.ts';
import { VerifierRefused } from '../../oauth/client.ts';
import { TokenPair } from '../../oauth/signature.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { poemFileIn } from '../../poems/find.ts';
import { iso, parseJson } from '../../text.ts';
import { botArgument, command, hintAs, placeFlags, toggle, withInvocationFlags } from '../command.ts';
import {
  callbackFlags,
  makeBotKey,
  networkFlags,
  openCallbacks,
  openSession,
  parseVerifier,
  providerFlags,
  sameFlags,
  type Session,
  showLink,
} from './authorize.ts';
import { botsWithKeys, choosePoems, linesOfPoem, oldBundle } from './each-bot.ts';

/*
 * The commands about the key of one bot: it is made in two steps, made again, or ended.
 */

export const reauth = command({
  summary: 'Authorize one bot again; its poem and its place in it stay',
  schema: z.object({
    bot: botArgument,
    ...callbackFlags,
    perms: providerFlags.perms,
    server: networkFlags.server.meta({ description: "the account's new server, if it moved (Mastodon)" }),
    ...placeFlags,
  }),
  exits: { partly: 'nothing was authorized' },
  examples: [['keymaker reauth howl', 'after the key of howl was revoked']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { bot, bundle: old } = await botWithKey(args.bot, context, args);
    const appKeys = appKeysIfSet(context.paths.root) ?? old.appKeys;
    const session = await openSession(context, terminal, { ...args, appKeys });
    const { provider = 'x' } = old;
    const { server } = chosenIssuer(bot, { given: { provider, server: args.server }, settings: {}, old });
    const issuer = session.issuers.open({ provider, server });
    await using callbacks = await openCallbacks([issuer], args, session);
    const made = await makeBotKey(
      { ...session, callbacks },
      {
        bot,
        old,
        issuer,
        poemFile: old.poemFile,
        owners: await context.keys.owners(),
        again: `run ${withInvocationFlags(args)(['reauth', bot, ...sameFlags(args)].join(' '))} again`,
        instead: `"account" of ${bot} in flock.json says which it is`,
      },
    );
    return made ? 'done' : 'partly';
  },
});

const endings = {
  ended: (bot: string, title: string) => `${title} has ended the key of ${bot}; its bundle is removed.`,
  'was dead': (bot: string, title: string) =>
    `${title} did not know the key of ${bot} any more; its bundle is removed.`,
  'by hand': (bot: string, title: string, byHand: string) =>
    `The bundle of ${bot} is removed, but ${title} ${byHand}.`,
};

export const revoke = command({
  summary: 'End the key of one bot, and remove its bundle',
  schema: z.object({ bot: botArgument, yes: toggle('revoke without asking'), ...placeFlags }),
  exits: { partly: 'the bot keeps its key' },
  examples: [['keymaker revoke howl', 'end the key of howl at X, and remove its bundle']],
  async run(args, terminal) {
    await using context = openContext(args);
    const { keys, paths } = context;
    const { bot, bundle } = await botWithKey(args.bot, context, args);
    // An ended key leaves no bundle behind, so the folder must be writable.
    await keys.prepare();
    const { providers } = await readFlockFile(paths.flockFile);
    const { provider = 'x', server, appKeys } = bundle;
    const issuer = context.issuer({ provider, server, appKeys, custom: providers });
    const whose = bundle.screenName === undefined ? '' : ` (@${bundle.screenName})`;
    const question = `Revoke the key of ${bot}${whose}?`;
    if (!args.yes && !(await terminal.confirm(question, '--yes revokes without asking'))) {
      terminal.say(`${bot} keeps its key.`);
      return 'partly';
    }
    const ended = await issuer.revoke(bundle);
    await keys.remove(bot);
    const { title, byHand, revokedAt } = issuer;
    terminal.say(endings[ended](bot, title, byHand));
    if (revokedAt !== undefined) {
      terminal.say(
        ended === 'by hand'
          ? `End it there yourself, signed in as the account: ${revokedAt}.`
          : `To check, sign in as the account at ${revokedAt}: the app should not be listed any more.`,
      );
    }
    return 'done';
  },
});

/** A bot that a person named, and its key. @throws {FlockError} `usage` if it has none, and if its bundle cannot be read */
async function botWithKey(
  name: string,
  context: Context,
  places: Places,
): Promise<{ bot: BotName; bundle: KeyBundle }> {
  const bot = parseBotName(name);
  await botsWithKeys([name], context, places);
  const { keys } = context;
  try {
    return { bot, bundle: await keys.read(await keys.placeOf(bot)) };
  } catch (error) {
    if (!(error instanceof FlockError)) throw error;
    throw new FlockError(error.exit, error.message, { ...hintAs(places, error.hint), cause: error });
  }
}

/** The usual lifetime of a request token. Milliseconds. */
const lifetime = 15 * 60_000;

export const begin = command({
  summary: 'Print the link that authorizes one bot, for a machine without a person',
  schema: z.object({
    bot: botArgument,
    ...networkFlags,
    ...providerFlags,
    json: toggle('print the link as JSON'),
    ...placeFlags,
  }),
  examples: [['keymaker begin howl --json', 'print the link; then: keymaker finish howl']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const session = await openSession(context, terminal, args);
    const { flockFile } = session;
    const keymaker = withInvocationFlags(args);
    const old = await oldBundle(bot, context.keys, terminal);
    const issuer = session.issuers.of(bot, old);
    const byLink = issuer.by === 'link' && issuer.callback !== 'url';
    if (!byLink) {
      const how = issuer.by === 'link' ? 'through the browser only' : 'for an app password, without a link';
      const words = [
        `make-keys ./poems --bot=${bot}`,
        ...sameFlags({ ...args, callback: issuer.by === 'link' }),
      ];
      const hint = keymaker(words.join(' '));
      throw new FlockError('usage', `${issuer.title} gives its keys ${how}`, { hint });
    }
    const poemFile = old ? old.poemFile : await poemOf(bot, context);
    await context.keys.prepare();
    const screenName = expectedName({ named: flockFile.settingsOf(bot).account, old });
    const { link, expires } = await beginLink(bot, { screenName, poemFile }, issuer, session);
    const next = keymaker(`finish ${bot}`);
    if (args.json) {
      const answer = { bot, link, next_step: next, account: screenName ?? null, expires: iso(expires) };
      terminal.print(`${JSON.stringify(answer)}\n`);
      return 'done';
    }
    showLink(link, bot, screenName, terminal);
    terminal.say(`Then, within 15 minutes: ${next}`);
    if (screenName === undefined)
      terminal.say('If the account is not called like the bot, it asks; --account NAME answers.');
    return 'done';
  },
});

/**
 * Gets a link that authorizes a bot, and stores what `keymaker finish` needs.
 *
 * @param known - the screen name of the account, if it is known, and the poem's path for the bundle
 * @throws {FlockError} as the provider and the keys folder do
 */
async function beginLink(
  bot: BotName,
  { screenName, poemFile }: { screenName: string | undefined; poemFile: string | undefined },
  { client, id: provider, server }: LinkIssuer,
  { context: { keys, clock } }: Session,
): Promise<Pending & { link: string }> {
  const requestToken = await client.requestToken('oob');
  const pending = { provider, server, requestToken, expires: clock.now() + lifetime, poemFile };
  await new PendingStore(keys.folder).write(bot, pending);
  return { ...pending, link: client.authorizeUrl(requestToken, screenName) };
}

/** The poem of a new bot's name. @throws {FlockError} `data` or `usage` if there is none */
async function poemOf(bot: BotName, context: Context): Promise<string> {
  const { root } = context.paths;
  const { chosen, refused } = await choosePoems(path.join(root, 'poems'), [bot], context);
  const [poem] = chosen;
  if (!poem) throw refused[0] ?? new FlockError('usage', `there is no poem of ${bot}`);
  await linesOfPoem(poem);
  return poemFileIn(root, poem.file);
}

export const finish = command({
  summary: 'Read the PIN or code of a link from standard input, and store the key',
  schema: z
    .object({
      bot: botArgument,
      account: z
        .string()
        .regex(/^@?\S+$/, 'is not the name of an account')
        .transform((name) => name.replace(/^@/, ''))
        .optional()
        .meta({ description: 'the account of the bot, if flock.json does not name it', placeholder: 'NAME' }),
      yes: toggle('accept any account, without asking'),
      ...placeFlags,
    })
    .refine(({ account, yes }) => account === undefined || !yes, 'either --account or --yes'),
  exits: { partly: 'nothing was authorized' },
  examples: [['echo 4406740 | keymaker finish howl --account howl_reads', 'after keymaker begin howl']],
  async run(args, terminal) {
    const bot = parseBotName(args.bot);
    await using context = openContext(args);
    const { keys, clock } = context;
    const store = new PendingStore(keys.folder);
    const keymaker = withInvocationFlags(args);
    const pending = store.read(bot);
    const words = ['begin', bot, ...sameFlags(pending ? flagsOf(pending) : {})];
    const hint = `begin again: ${keymaker(words.join(' '))}`;
    if (!pending) throw new FlockError('usage', `nothing was begun for ${bot}`, { hint });
    if (pending.expires <= clock.now())
      throw new FlockError('tryLater', `${bot}: the link is older than 15 minutes`, { hint });
    const { poemFile } = pending;
    const session = await openSession(context, terminal, { yes: args.yes });
    const issuer = session.issuers.open(pending);
    if (issuer.by !== 'link') throw new FlockError('usage', `nothing was begun for ${bot}`, { hint });
    const old = await oldBundle(bot, keys, terminal);
    const named = accountNamed(bot, session.flockFile.settingsOf(bot).account, args.account);
    let waiting: Pending | undefined = pending;
    const made = await makeBotKey(session, {
      bot,
      old,
      issuer,
      named,
      poemFile,
      owners: await keys.owners(),
      again: hint,
      instead: `${hint}, then: ${keymaker(`finish ${bot} --account NAME`)}`,
      async flow(screenName) {
        const { requestToken } = waiting ?? (await anotherLink(screenName, issuer));
        waiting = undefined;
        const { name } = issuer.verifier;
        const instead = `give the ${name} on standard input, on a line of its own`;
        // A wrong PIN is not sent, and the link stays valid.
        const pin = parseVerifier(await terminal.ask(`${name} for ${bot}:`, instead), issuer);
        // Whatever the provider answers, the request token is used up.
        await store.remove(bot);
        return await issuer.client.accessToken(requestToken, pin).catch((cause: unknown) => {
          if (!(cause instanceof VerifierRefused)) throw cause;
          throw new FlockError('tryLater', cause.message, { hint, cause });
        });
      },
    });
    return made ? 'done' : 'partly';

    async function anotherLink(screenName: string | undefined, by: LinkIssuer): Promise<Pending> {
      const begun = await beginLink(bot, { screenName, poemFile }, by, session);
      showLink(begun.link, bot, screenName, terminal);
      return begun;
    }
  },
});

/** @throws {FlockError} `usage` if flock.json names another account */
function accountNamed(
  bot: BotName,
  inFile: string | undefined,
  given: string | undefined,
): string | undefined {
  if (isSameName(inFile, given) !== false) return given ?? inFile;
  throw new FlockError('usage', `flock.json says that ${bot} is @${inFile ?? ''}, not @${given ?? ''}`, {
    hint: 'leave --account out, or correct flock.json',
  });
}

/** The flags that begin the same authorization again. */
const flagsOf = ({ provider, server }: Pending): Parameters<typeof sameFlags>[0] =>
  provider === 'mastodon' ? { network: provider, server } : { provider };

/*
 * What `begin` keeps for `finish`.
 */

/** The stored form of an authorization that waits for its PIN. At Mastodon, a state and a code verifier are the request token. */
const stored = z
  .object({
    provider: z.string(),
    server: z.string().optional(),
    oauth_token: z.string().min(1),
    oauth_token_secret: z.string().min(1),
    expires: z.iso.datetime(),
    poem_file: z.string().optional(),
  })
  .transform(({ provider, server, oauth_token, oauth_token_secret, expires, poem_file }) => ({
    /** The provider's id. */
    provider,
    server,
    requestToken: new TokenPair(oauth_token, oauth_token_secret),
    /** When the request token expires. Milliseconds since 1970. */
    expires: Date.parse(expires),
    /** The poem's path for the bundle. */
    poemFile: poem_file,
  }));

type Pending = z.infer<typeof stored>;

/** The pending authorizations in a keys folder: `.<bot>.pending`, 0600, a hidden file so that no program reads it as a bundle. */
class PendingStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #fileOf(bot: BotName): string {
    return path.join(this.#folder, `.${bot}.pending`);
  }

  /** @throws {FlockError} `cannotCreate` if the folder cannot be written */
  async write(bot: BotName, { provider, server, requestToken, expires, poemFile }: Pending): Promise<void> {
    const { token, secret } = requestToken.reveal();
    const fields: z.input<typeof stored> = {
      provider,
      server,
      oauth_token: token,
      oauth_token_secret: secret,
      expires: iso(expires),
      poem_file: poemFile,
    };
    const file = this.#fileOf(bot);
    await replaceFile(file, `${JSON.stringify(fields)}\n`).catch((cause: unknown) => {
      throw fileError(cause, 'cannotCreate', `cannot write ${file}`);
    });
  }

  /** @returns a bot's pending authorization, or undefined if there is none or it is damaged */
  read(bot: BotName): Pending | undefined {
    const file = this.#fileOf(bot);
    const read = attempt(() => readPrivateFile(file, { exit: 'data', message: `cannot read ${file}` }));
    if (!(read instanceof FlockError)) return stored.safeParse(parseJson(read.toString('utf8'))).data;
    if (systemCode(read.cause) === 'ENOENT') return undefined;
    throw read;
  }

  /** Removes a bot's pending authorization: a request token is good for one try. */
  async remove(bot: BotName): Promise<void> {
    await fse.remove(this.#fileOf(bot));
  }
}
