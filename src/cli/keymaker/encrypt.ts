import path from 'node:path';
import * as z from 'zod';
import { type Context, openContext } from '../../context.ts';
import { askRecipients } from '../../daemon/control.ts';
import { isLocked } from '../../daemon/lock.ts';
import { type Exit, FlockError } from '../../errors.ts';
import { type Identity, makeIdentity, readIdentity } from '../../keys/age.ts';
import type { KeyStore } from '../../keys/store.ts';
import { type BotName, parseBotName } from '../../poems/bot-name.ts';
import { shellWord } from '../../text.ts';
import { botFlags, command, nonEmpty, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { mustHaveKey } from './authorize.ts';

const schema = z.object({
  bot: botFlags.meta({ description: 'the bundle of this bot; may be repeated' }),
  recipient: nonEmpty.optional().meta({ description: 'whom to encrypt to: age1…', placeholder: 'KEY' }),
  identity: nonEmpty.optional().meta({
    description: 'the file of the identity that opens the bundles again',
    kind: 'file',
    defaultText: 'KEYMAKER_IDENTITY_FILE',
  }),
  decrypt: toggle('the other way: back to plain bundles'),
  'new-identity': nonEmpty
    .optional()
    .meta({ description: 'make an identity, in this new file, and do nothing else', kind: 'file' }),
  yes: toggle('also where the flockd that runs could not open the bundles again'),
  ...placeFlags,
});

type Args = z.infer<typeof schema>;

export const encrypt = command({
  summary: 'Encrypt the key bundles with age, or decrypt them again',
  schema,
  examples: [
    ['keymaker encrypt --new-identity ~/flock.identity', 'make an identity; then:'],
    ['keymaker encrypt --identity ~/flock.identity', 'encrypt every bundle to it'],
    ['keymaker encrypt --bot howl --recipient age1…', 'for another machine, which alone can open it'],
    ['keymaker encrypt --decrypt --identity ~/flock.identity', 'back to plain bundles'],
  ],
  async run(args, terminal) {
    checkFlags(args);
    const made = args['new-identity'];
    if (made !== undefined) return newIdentity(made, terminal);
    await using context = openContext({ ...args, identity: args.identity && path.resolve(args.identity) });
    const { change, recipients } = await changeFor(args, context);
    const bots = await chooseBots(args, context);
    if (bots.length > 0 && !(await mayEncrypt(recipients, args, context, terminal))) return 'done';
    await context.keys.prepare();
    const results: Result[] = [];
    for (const bot of bots) results.push(await changed(bot, change, terminal));
    summarize(results, args.decrypt, terminal);
    return exitOf(results);
  },
});

/** @throws {FlockError} `usage` for flags that contradict each other */
function checkFlags(args: Args): void {
  const { recipient, decrypt, identity, bot } = args;
  if (decrypt && recipient !== undefined)
    throw new FlockError('usage', '--decrypt takes an identity, not a recipient', {
      hint: 'give --identity FILE',
    });
  const others = decrypt || recipient !== undefined || identity !== undefined || bot.length > 0;
  if (args['new-identity'] === undefined || !others) return;
  throw new FlockError('usage', '--new-identity makes the file, and does nothing else', {
    hint: 'give it alone, and then encrypt with --identity FILE',
  });
}

async function newIdentity(file: string, terminal: Terminal): Promise<Exit> {
  const recipient = await makeIdentity(path.resolve(file));
  terminal.say(`Made an identity: ${file}`, 'green');
  terminal.say(`Its recipient: ${recipient}`);
  terminal.say();
  terminal.say('Keep a copy of it elsewhere: what is encrypted to it is lost without it.');
  terminal.say(`Then: keymaker encrypt --identity ${shellWord(file)}`);
  return 'done';
}

/** What is done with one bundle. @returns its new file; undefined where nothing was to be done */
type Change = (bot: BotName) => Promise<string | undefined>;

interface Plan {
  change: Change;
  /** To whom it encrypts; nobody where it decrypts. */
  recipients: readonly string[];
}

/** @throws {FlockError} `usage` where nobody is named to encrypt to or to decrypt as, and as {@link readIdentity} */
async function changeFor(args: Args, { keys }: Context): Promise<Plan> {
  const { recipient } = args;
  const { credentials } = keys.options;
  // The one of the environment need not be that of the recipient, who may be on another machine.
  const file = recipient === undefined ? keys.options.identityFile : args.identity;
  const identity = file === undefined ? undefined : await readIdentity(file, credentials);
  if (args.decrypt && identity) {
    return { change: (bot) => keys.decrypt(bot, identity), recipients: [] };
  }
  const sealing = await sealingFor(recipient, identity);
  if (!args.decrypt && sealing) {
    return { change: (bot) => keys.encrypt(bot, sealing), recipients: sealing.recipients };
  }
  throw new FlockError('usage', args.decrypt ? 'decrypt as whom?' : 'encrypt to whom?', {
    hint: `give ${args.decrypt ? '' : '--recipient age1… or '}--identity FILE; keymaker encrypt --new-identity FILE makes one`,
  });
}

/**
 * Warns of a flockd that runs and could not open the bundles again, and asks. Plain bundles it can always read.
 *
 * @returns whether to go on
 * @throws {FlockError} `config` where there is nobody to ask, and no --yes
 */
async function mayEncrypt(
  recipients: readonly string[],
  { yes, identity }: Args,
  { paths }: Context,
  terminal: Terminal,
): Promise<boolean> {
  if (recipients.length === 0 || !(await isLocked(paths.state).catch(() => false))) return true;
  const known = await askRecipients(paths.state).catch((error: unknown) => {
    if (error instanceof FlockError) return undefined;
    throw error;
  });
  if (known?.some((recipient) => recipients.includes(recipient))) return true;
  const has = known === undefined ? 'does not say which identity it has' : 'has no identity that opens them';
  const message = `flockd runs on this flock and ${has}: after a restart it could not post with encrypted bundles`;
  const file = identity === undefined ? 'FILE' : shellWord(path.resolve(identity));
  const hint = `restart it with KEYMAKER_IDENTITY_FILE=${file} first (a service: systemctl edit flockd); or encrypt all the same: --yes`;
  if (!yes && !terminal.interactive) throw new FlockError('config', message, { hint });
  terminal.warn(message, hint);
  if (yes || (await terminal.confirm('Encrypt them all the same?', 'answer with --yes'))) return true;
  terminal.say('Nothing was encrypted.');
  return false;
}

async function sealingFor(
  recipient: string | undefined,
  identity: Identity | undefined,
): Promise<Parameters<KeyStore['encrypt']>[1] | undefined> {
  if (recipient !== undefined) return { recipients: [recipient], identity };
  return identity && { recipients: await identity.recipients(), identity };
}

/** @throws {FlockError} `usage` where a bot that is named has no bundle */
async function chooseBots(args: Args, context: Context): Promise<BotName[]> {
  const bots = args.bot.map(parseBotName);
  for (const bot of bots) await mustHaveKey(bot, context, args);
  return bots.length > 0 ? bots : (await context.keys.list()).map(({ bot }) => bot);
}

type Result = 'changed' | 'kept' | FlockError;

/** What is wrong with one bundle is reported and does not stop the others. */
async function changed(bot: BotName, change: Change, terminal: Terminal): Promise<Result> {
  try {
    const file = await change(bot);
    if (file === undefined) return 'kept';
    terminal.say(`${bot}: ${path.relative('.', file)}`);
    return 'changed';
  } catch (error) {
    if (!(error instanceof FlockError) || !['data', 'permission', 'config'].includes(error.exit)) throw error;
    terminal.warn(error.message, error.hint);
    return error;
  }
}

function summarize(results: readonly Result[], isDecrypting: boolean, terminal: Terminal): void {
  const count = (wanted: Result): number => results.filter((result) => result === wanted).length;
  const failed = results.length - count('changed') - count('kept');
  const [did, was] = isDecrypting ? ['decrypted', 'plain'] : ['encrypted', 'encrypted'];
  terminal.say(`Keys: ${count('changed')} ${did}, ${count('kept')} ${was} before, ${failed} failed.`);
}

function exitOf(results: readonly Result[]): Exit {
  const failed = results.filter((result) => result instanceof FlockError);
  const [first] = failed;
  if (!first) return 'done';
  return failed.length === results.length ? first.exit : 'partly';
}
