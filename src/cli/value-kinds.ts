/** What a word or flag takes, as far as a shell can help with it. */
export type Kind = 'bot' | 'folder' | 'file' | 'other';

interface ValueKind {
  kind: Kind;
  /** What stands for it in help: `--bot NAME`. */
  shown: string;
  /** What it may well be, where other values are good too. */
  suggested?: readonly string[];
}

const folder: ValueKind = { kind: 'folder', shown: 'DIR' };
const file: ValueKind = { kind: 'file', shown: 'FILE' };
const count: ValueKind = { kind: 'other', shown: 'N' };

/** One table for both programs: a name means the same wherever it is a word or a flag. */
const kinds: Partial<Record<string, ValueKind>> = {
  bot: { kind: 'bot', shown: 'NAME' },
  old: { kind: 'bot', shown: 'NAME' },
  // A poem that has the new name already is a good guess.
  new: { kind: 'bot', shown: 'NAME' },
  root: folder,
  keys: folder,
  poems: folder,
  file,
  identity: file,
  'new-identity': file,
  passwords: file,
  state: file,
  account: { kind: 'other', shown: 'NAME' },
  days: count,
  id: count,
  line: count,
  'first-post': { kind: 'other', shown: 'TEXT' },
  faults: { kind: 'other', shown: 'SHARE' },
  from: { kind: 'other', shown: 'INSTANT' },
  host: { kind: 'other', shown: 'NAME' },
  listen: { kind: 'other', shown: 'ADDRESS' },
  perms: { kind: 'other', shown: 'WORD', suggested: ['read', 'write', 'delete'] },
  provider: { kind: 'other', shown: 'ID', suggested: ['x', 'flickr', 'tumblr'] },
  recipient: { kind: 'other', shown: 'KEY' },
  seed: { kind: 'other', shown: 'TEXT' },
  user: { kind: 'other', shown: 'NAME' },
};

/** A name that is not in the table takes anything, and is shown as itself. */
export const kindOf = (name: string): ValueKind =>
  kinds[name] ?? { kind: 'other', shown: name.toUpperCase() };
