import { constants } from 'node:fs';
import { access, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { apiUrl, type FlockPaths } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
import type { Context, Places } from '../../context.ts';
import {
  accountMark,
  folderMark,
  introductionOf,
  type RunningDaemon,
  runningDaemons,
} from '../../daemon/claims.ts';
import { FlockError } from '../../errors.ts';
import { loadFlock } from '../../flock/load.ts';
import { readRegularFile, reasonOf, replaceFile, syncFolder } from '../../fs.ts';
import { hasJournal } from '../../ledger/journal.ts';
import { shellWord } from '../../text.ts';
import { withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/*
 * The state folder that a command is about: which one has the last word. A ledger that was moved leaves the note `moved-to` in
 * its old folder: its first line is the new folder, and no flockd runs on the old one. flockd install writes such a note, too.
 */

const noteIn = (state: string): string => path.join(state, 'moved-to');
const maxNote = 65_536;

const ownState = ({ root }: Pick<FlockPaths, 'root'>): string => path.join(root, 'state');

/** Where the ledger of a state folder was moved to, if it was. */
export async function movedTo(state: string): Promise<string | undefined> {
  const text = await readRegularFile(noteIn(state), maxNote).catch(() => undefined);
  const [place = ''] = text?.toString('utf8').split('\n') ?? [];
  return path.isAbsolute(place) ? path.normalize(place) : undefined;
}

/** Notes that a ledger is in another folder. @throws {FlockError} `io` if the note cannot be written */
export async function noteMove(from: string, to: string): Promise<void> {
  const text = `${to}\nThe ledger was moved there; flockd does not run on this one.\n`;
  await replaceFile(noteIn(from), text).catch((cause: unknown) => {
    const hint = 'run this as the owner of that folder, or with sudo';
    const message = `cannot note in ${from} that its ledger is moved: ${reasonOf(cause)}`;
    throw new FlockError('io', message, { hint, cause });
  });
}

/** Removes the note from a state folder. */
export async function ledgerIsHere(state: string): Promise<void> {
  await rm(noteIn(state), { force: true });
  await syncFolder(state);
}

/**
 * Whether flockd may run on a state folder. Not if its ledger was moved, or if the flock has a ledger elsewhere: lines would be
 * posted again.
 *
 * @throws {FlockError} `config` with the command that helps
 */
export async function mustHaveLastWord({ root, state }: FlockPaths, places: Places): Promise<void> {
  const call = withInvocationFlags(places, 'flockd');
  const moved = await movedTo(state);
  if (moved !== undefined) {
    throw new FlockError('config', `the ledger in ${state} was moved to ${moved}, and is out of date`, {
      hint: `run flockd on that one; or bring it back: ${call(`restore --replace ${shellWord(moved)}`)}`,
    });
  }
  const own = ownState({ root });
  if (path.resolve(state) === own || (await hasJournal(state)) || !(await hasJournal(own))) return;
  const sudo = await access(own, constants.W_OK).then(
    () => '',
    () => 'sudo ',
  );
  const take = call(`restore ${shellWord(own)}`);
  throw new FlockError('config', `${state} has no ledger, and this flock has one in ${own}`, {
    hint: `take it over: ${sudo}STATE_DIRECTORY=${shellWord(state)} ${take}`,
  });
}

type FlockPlace = Pick<Context, 'paths' | 'keys'>;

/**
 * The places of a flock, with the state folder that has the last word: that of the running flockd, or the one that the ledger
 * was moved to. Warns if it is not the expected one.
 *
 * @throws {FlockError} `io` if it cannot be read
 */
export async function lastWord(place: FlockPlace, terminal: Terminal): Promise<FlockPaths> {
  const { paths } = place;
  const elsewhere = await ledgerElsewhere(place);
  if (!elsewhere) return paths;
  const { state, why, root } = elsewhere;
  const isNamed = path.resolve(paths.state) !== ownState(paths);
  if (state === undefined || isNamed) {
    const where = state === undefined ? '' : ` in ${state}`;
    terminal.warn(`this reads the ledger in ${paths.state}, and there is another${where}: ${why}`);
    return paths;
  }
  await access(state, constants.R_OK | constants.X_OK).catch((cause: unknown) => {
    const hint =
      root === undefined
        ? 'run this as the user who runs that flockd'
        : `give the same command with sudo and --root ${shellWord(root)}`;
    const message = `cannot read the ledger in ${state} (${why}): ${reasonOf(cause)}`;
    throw new FlockError('io', message, { hint, cause });
  });
  terminal.warn(`the ledger is in ${state}: ${why}`);
  return { ...paths, state };
}

interface Elsewhere {
  /** Undefined if the daemon does not say. */
  state?: string | undefined;
  why: string;
  /** The flock's folder of the daemon there, if it is known. */
  root?: string | undefined;
}

async function ledgerElsewhere(place: FlockPlace): Promise<Elsewhere | undefined> {
  const { paths } = place;
  // The note in the flock's own folder comes before what any process of this machine may say of itself.
  const state = await movedTo(paths.state);
  const daemons = await runningDaemons();
  const mark = await folderMark(state ?? paths.state);
  const there = daemons.find(({ folder }) => folder === mark);
  if (state !== undefined)
    return { state, why: 'it was moved there', root: there && (await introductionOf(there))?.root };
  const daemon = there ? undefined : await daemonOf(daemons, place);
  if (!daemon) return undefined;
  const why = `it is that of the flockd that runs this flock (pid ${daemon.pid})`;
  return { ...(await introductionOf(daemon)), why };
}

/** The flockd that runs a flock: it has the same folder, or posts as the same accounts. */
async function daemonOf(
  daemons: readonly RunningDaemon[],
  { paths, keys }: FlockPlace,
): Promise<RunningDaemon | undefined> {
  if (daemons.length === 0) return undefined;
  const real = (folder: string): Promise<string> => realpath(folder).catch(() => folder);
  const root = await real(paths.root);
  const introduced = await Promise.all(
    daemons.map(async (daemon) => ({ daemon, root: (await introductionOf(daemon))?.root })),
  );
  const found = introduced.find((other) => other.root === root);
  if (found) return found.daemon;
  const { bots } = await loadFlock(paths.root, keys, await readFlockFile(paths.flockFile));
  const api = apiUrl();
  const marks = bots.map(({ bundle }) => accountMark(bundle, api));
  return daemons.find(({ accounts }) => marks.some((one) => accounts.has(one)));
}
