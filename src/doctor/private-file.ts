import {
  type Fault,
  faultOfFile,
  faultOfFolder,
  faultOfLink,
  type FileStatus,
  isServing,
  modeOf,
} from '../keys/private-file.ts';
import { shellWord } from '../text.ts';
import type { Finding, Subject } from './finding.ts';
import { shownPath } from './shown-path.ts';

/** A file that holds a secret, and what the system says of it. */
export interface SecretFile {
  file: string;
  /** Of the file itself, should it be a link. */
  status: FileStatus & { isSymbolicLink: () => boolean };
  /** Of what it is in. */
  folder: FileStatus | undefined;
}

/** Whether keymaker and flockd take what a file holds, by the rule that they go by. */
export function examineFile(about: Subject, check: string, { file, status, folder }: SecretFile): Finding {
  const shown = shownPath(file);
  if (status.isSymbolicLink()) {
    const { why, repair } = faultOfLink(shown);
    return about.bad(check, `${shown} ${why}`, repair);
  }
  return judged(about, check, status, faultOfFile(shown, status, folder));
}

/** Whether a folder of secrets is its owner's alone, or that of a server. The programs refuse it only where others can write. */
export function examineFolder(about: Subject, check: string, file: string, status: FileStatus): Finding {
  const shown = shownPath(file);
  const fault = faultOfFolder(shown, status);
  if (fault || (status.mode & 0o077) === 0 || isServing(status)) return judged(about, check, status, fault);
  return about.bad(check, `open to others (mode ${modeOf(status)})`, `chmod 700 ${shellWord(shown)}`);
}

const judged = (about: Subject, check: string, status: FileStatus, fault: Fault | undefined): Finding =>
  fault ? about.bad(check, fault.why, fault.repair) : about.ok(check, `mode ${modeOf(status)}`);
