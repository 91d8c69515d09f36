import type { Finding, Subject } from './finding.ts';
import { shellWord, shownPath } from './shown-path.ts';

/** What the system says of a file. */
export interface FileStatus {
  mode: number;
  uid: number;
  isSymbolicLink: () => boolean;
}

/** What group and others may do. */
const strangers = 0o077;

/**
 * Whether what a secret is in is its owner's alone, as ssh wants it.
 *
 * @param wanted - the mode it should have
 */
export function examineMode(
  about: Subject,
  check: string,
  { file, status, wanted }: { file: string; status: Pick<FileStatus, 'mode'>; wanted: '600' | '700' },
): Finding {
  const mode = (status.mode & 0o777).toString(8).padStart(3, '0');
  if ((status.mode & strangers) === 0) return about.ok(check, `mode ${mode}`);
  const shown = shownPath(file);
  return about.bad(check, `open to others (mode ${mode})`, `chmod ${wanted} ${shellWord(shown)}`);
}

/**
 * Whether a bundle is a private file of one's own.
 *
 * @param status - of the file itself, should it be a link
 * @param own - the id of the person who asks; undefined where there are no such ids
 */
export function examineFile(
  about: Subject,
  file: string,
  status: FileStatus,
  own: number | undefined,
): Finding {
  const check = 'bundle-file';
  const shown = shownPath(file);
  const word = shellWord(shown);
  if (status.isSymbolicLink()) {
    return about.bad(
      check,
      `${shown} is a symbolic link, which keymaker and flockd do not follow`,
      `put the file in its place: cp --remove-destination "$(readlink -f ${word})" ${word}`,
    );
  }
  const mode = examineMode(about, check, { file, status, wanted: '600' });
  // Root examines the flocks of others.
  const foreign = own !== undefined && own !== 0 && status.uid !== own;
  if (mode.result !== 'ok' || !foreign) return mode;
  return about.warn(
    check,
    `${shown} belongs to somebody else (uid ${status.uid})`,
    `sudo chown ${own} ${word}`,
  );
}
