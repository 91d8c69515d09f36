import { constants } from 'node:fs';
import { access, realpath, rm } from 'node:fs/promises';
import path from 'node:path';
import { apiUrl, type FlockPaths } from '../../config/environment.ts';
import { readFlockFile } from '../../config/flock-file.ts';
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
import type { KeyStore } from '../../keys/store.ts';
import { hasJournal } from '../../ledger/journal.ts';
import { shellWord } from '../../text.ts';
import { type GivenPlaces, withInvocationFlags } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/*
 * Which state folder has the last word. A ledger that was moved leaves the note `moved-to` in its old folder: its first line
 * is where it is now, and no flockd runs on the old one. flockd install writes such a note, too.
 */

const noteIn = (state: string): string => path.join(state, 'moved-to');
const maxNote = 65_536;

type Folders = Pick<FlockPaths, 'root' | 'state'>;

const ownState = ({ root }: Pick<Folders, 'root'>): string => path.join(root, 'state');

/** Where the ledger of a state folder was moved to, or undefined where it was not. */
export async function movedTo(state: string): Promise<string | undefined> {
  const text = await readRegularFile(noteIn(state), maxNote).catch(() => undefined);
  const [place = ''] = text?.toString('utf8').split('\n') ?? [];
  return path.isAbsolute(place) ? path.normalize(place) : undefined;
}

/** Notes that a ledger is moved. @throws {FlockError} `io` where the note cannot be written */
export async function noteMove(from: string, to: string): Promise<void> {
  await replaceFile(
    noteIn(from),
    `${to}\nThe ledger was moved there; flockd does not run on this one.\n`,
  ).catch((cause: unknown) => {
    throw new FlockError('io', `cannot note in ${from} that its ledger is moved: ${reasonOf(cause)}`, {
      hint: 'run this as the one whose folder it is, or with sudo',
      cause,
    });
  });
}

/** Takes such a note away: the ledger is here. */
export async function forgetMove(state: string): Promise<void> {
  await rm(noteIn(state), { force: true });
  await syncFolder(state);
}

/**
 * A flock goes on with its own ledger, or not at all: an old one that was moved would post lines again, and so would a new one
 * beside it.
 *
 * @throws {FlockError} `config` with the command that helps
 */
export async function mustHaveLastWord({ root, state }: Folders, places: GivenPlaces): Promise<void> {
  const call = withInvocationFlags(places, 'flockd');
  const moved = await movedTo(state);
  if (moved !== undefined) {
    throw new FlockError('config', `the ledger in ${state} was moved to ${moved}, and is out of date`, {
      hint: `run flockd on that one; or bring it back: ${call(`restore --replace ${shellWord(moved)}`)}`,
    });
  }
  const own = ownState({ root });
  if (path.resolve(state) === own || (await hasJournal(state)) || !(await hasJournal(own))) return;
  const sudo = (await mayWrite(own)) ? '' : 'sudo ';
  const take = call(`restore ${shellWord(own)}`);
  throw new FlockError('config', `${state} has no ledger, and this flock has one in ${own}`, {
    hint: `take it over: ${sudo}STATE_DIRECTORY=${shellWord(state)} ${take}`,
  });
}

const mayWrite = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );

interface FlockPlace {
  paths: FlockPaths;
  keys: KeyStore;
}

/**
 * The places of a flock, with the state folder that has the last word: that of the flockd that runs the flock, wherever it is,
 * or the one that the ledger was moved to. Where it is another than was to be expected, that is said.
 *
 * @throws {FlockError} `io` where it may not be read
 */
export async function onLedger(place: FlockPlace, terminal: Terminal): Promise<FlockPaths> {
  const { paths } = place;
  const elsewhere = await ledgerElsewhere(place);
  if (!elsewhere) return paths;
  const { state, why, root } = elsewhere;
  if (state === undefined || isNamed(paths)) {
    const where = state === undefined ? '' : ` in ${state}`;
    terminal.warn(`this reads the ledger in ${paths.state}, and there is another${where}: ${why}`);
    return paths;
  }
  await access(state, constants.R_OK | constants.X_OK).catch((cause: unknown) => {
    throw new FlockError('io', `cannot read the ledger in ${state} (${why}): ${reasonOf(cause)}`, {
      hint:
        root === undefined
          ? 'run this as the one who runs flockd there'
          : `give the same command with sudo and --root ${shellWord(root)}`,
      cause,
    });
  });
  terminal.warn(`the ledger is in ${state}: ${why}`);
  return { ...paths, state };
}

const isNamed = (paths: Folders): boolean => path.resolve(paths.state) !== ownState(paths);

interface Elsewhere {
  /** Undefined where it does not say. */
  state: string | undefined;
  why: string;
  /** The folder of the flock that is run there, where that is known. */
  root?: string | undefined;
}

async function ledgerElsewhere(place: FlockPlace): Promise<Elsewhere | undefined> {
  const { paths } = place;
  // What this flock's own folder says comes before what any process of this machine may say of itself.
  const state = await movedTo(paths.state);
  const daemons = await runningDaemons();
  const mark = await folderMark(state ?? paths.state);
  const there = daemons.find(({ folder }) => folder === mark);
  if (state !== undefined) {
    const root = there && (await introductionOf(there))?.root;
    return { state, why: 'it was moved there', root };
  }
  if (there) return undefined;
  const daemon = await daemonOf(daemons, place);
  if (!daemon) return undefined;
  return {
    ...{ state: undefined, ...(await introductionOf(daemon)) },
    why: `it is that of the flockd that runs this flock (pid ${daemon.pid})`,
  };
}

/** The flockd that runs a flock: it has its folder, or posts as its accounts. */
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
