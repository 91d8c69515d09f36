export type LintCode =
  | 'refrain'
  | 'accidental-link'
  | 'link'
  | 'mention'
  | 'hashtag'
  | 'cashtag'
  | 'split'
  | 'leading-space'
  | 'control-character'
  | 'shared-text';

/** Something about a poem that its author may not have meant. Nothing is ever changed because of it. */
export interface Lint {
  code: LintCode;
  /** The line of the file, counted from 1. */
  line: number;
  /** What it means, in one line. */
  message: string;
}

/** The same, where there are many poems. */
export interface LintOfBot extends Lint {
  bot: string;
  /** The poem's file, as it is to be shown. */
  file: string;
}
