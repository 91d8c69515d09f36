/** Where to read how a command is called. */
export const helpHint = (program: string, called: string): string =>
  `${program} ${called} --help shows how it is called`;
