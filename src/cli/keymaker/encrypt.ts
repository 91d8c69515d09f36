import path from 'node:path';
import * as z from 'zod';
import { type Context, openContext } from '../../context.ts';
import { askRecipients } from '../../daemon/control.ts';
import { isLocked } from '../../daemon/lock.ts';
import { attemptAsync, type Exit, FlockError } from '../../errors.ts';
import { makeIdentity, readIdentity } from '../../keys/age.ts';
import type { BotName } from '../../poems/bot-name.ts';
import { shellWord } from '../../text.ts';
import { botFlags, command, nonEmpty, placeFlags, toggle } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { botsWithKeys, Outcomes } from './each-bot.ts';

const schema = z.object({
  bot: botFlags.meta({ description: 'the bundle of this bot alone; may be repeated' }),
  recipient: nonEmpty
    .optional()
    .meta({ description: 'the recipient to encrypt to: age1…', placeholder: 'KEY' }),
  identity: nonEmpty.optional().meta({
    description: 'the file of the identity that decrypts the bundles',
    kind: 'file',
    defaultText: 'KEYMAKER_IDENTITY_FILE',
  }),
  decrypt: toggle('decrypt the bundles instead'),
  'new-identity': nonEmpty
    .optional()
    .meta({ description: 'only make an identity, in this new file', kind: 'file' }),
  yes: toggle('encrypt even if the running flockd could not decrypt the bundles'),
  ...placeFlags,
});

type Args = z.infer<typeof schema>;

export const encrypt = command({
  summary: 'Encrypt the key bundles with age, or decrypt them',
  schema,
  exits: { partly: 'some bundles could not be changed' },
  examples: [
    ['keymaker encrypt --new-identity ~/flock.identity', 'make an identity; then:'],
    ['keymaker encrypt --identity ~/flock.identity', 'encrypt every bundle to it'],
    ['keymaker encrypt --bot howl --recipient age1…', 'for another machine, which alone can decrypt it'],
    ['keymaker encrypt --decrypt --identity ~/flock.identity', 'make plain bundles again'],
  ],
  async run(args, terminal) {
    checkFlags(args);
    const made = args['new-identity'];
    if (made !== undefined) return newIdentity(made, terminal);
    await using context = openContext({ ...args, identity: args.identity && path.resolve(args.identity) });
    const { keys } = context;
    const { change, recipients } = await changeFor(args, context);
    const chosen = await botsWithKeys(args.bot, context, args);
    const bots = chosen.length > 0 ? chosen : (await keys.list()).map(({ bot }) => bot);
    if (bots.length > 0 && !(await mayEncrypt(recipients, args, context, terminal))) return 'done';
    await keys.prepare();
    const [did, was] = args.decrypt ? ['decrypted', 'plain before'] : ['encrypted', 'encrypted before'];
    const outcomes = new Outcomes(terminal);
    for (const bot of bots) {
      await outcomes.add(
        async () => {
          const file = await change(bot);
          if (file === undefined) return was;
          terminal.say(`${bot}: ${path.relative('.', file)}`);
          return did;
        },
        ({ exit }) => ['data', 'permission', 'config'].includes(exit),
      );
    }
    outcomes.summarize([did, was]);
    return outcomes.exit;
  },
});

/** @throws {FlockError} `usage` for flags that contradict each other */
function checkFlags(args: Args): void {
  const { recipient, decrypt, identity, bot } = args;
  if (decrypt && recipient !== undefined) {
    const hint = 'give --identity FILE';
    throw new FlockError('usage', '--decrypt takes an identity, not a recipient', { hint });
  }
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
  terminal.say('Keep a copy of it elsewhere: without it, what is encrypted to it is lost.');
  terminal.say(`Then: keymaker encrypt --identity ${shellWord(file)}`);
  return 'done';
}

/**
 * How to change one bundle, which gives its new file if there was something to change, and the recipients that it encrypts to:
 * none if it decrypts.
 *
 * @throws {FlockError} `usage` without a recipient or an identity, and as {@link readIdentity}
 */
async function changeFor({ recipient, identity: given, decrypt }: Args, { keys }: Context) {
  const { credentials, identityFile } = keys.options;
  // The identity of the environment need not be the recipient's, who may be on another machine.
  const file = recipient === undefined ? identityFile : given;
  const identity = file === undefined ? undefined : await readIdentity(file, credentials);
  if (decrypt && identity) return { change: (bot: BotName) => keys.decrypt(bot, identity), recipients: [] };
  const recipients = recipient === undefined ? await identity?.recipients() : [recipient];
  if (!decrypt && recipients)
    return { change: (bot: BotName) => keys.encrypt(bot, { recipients, identity }), recipients };
  throw new FlockError('usage', decrypt ? 'decrypt as whom?' : 'encrypt to whom?', {
    hint: `give ${decrypt ? '' : '--recipient age1… or '}--identity FILE; keymaker encrypt --new-identity FILE makes one`,
  });
}

/**
 * Warns of a running flockd that could not decrypt the bundles, and asks.
 *
 * @returns whether to go on
 * @throws {FlockError} `config` if there is nobody to ask, and no --yes
 */
async function mayEncrypt(
  recipients: readonly string[],
  { yes, identity }: Args,
  { paths }: Context,
  terminal: Terminal,
): Promise<boolean> {
  if (recipients.length === 0 || !(await isLocked(paths.state).catch(() => false))) return true;
  const known = await attemptAsync(askRecipients(paths.state));
  const isSilent = known instanceof FlockError;
  if (!isSilent && known.some((recipient) => recipients.includes(recipient))) return true;
  const has = isSilent ? 'does not say which identity it has' : 'has no identity that decrypts them';
  const message = `flockd runs on this flock and ${has}: after a restart it could not post with encrypted bundles`;
  const file = identity === undefined ? 'FILE' : shellWord(path.resolve(identity));
  const hint = `restart it with KEYMAKER_IDENTITY_FILE=${file} first (a service: systemctl edit flockd); or encrypt all the same: --yes`;
  if (!yes && !terminal.interactive) throw new FlockError('config', message, { hint });
  terminal.warn(message, hint);
  if (yes || (await terminal.confirm('Encrypt them all the same?', 'answer with --yes'))) return true;
  terminal.say('Nothing was encrypted.');
  return false;
}
