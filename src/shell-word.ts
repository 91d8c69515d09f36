/** A path as one word of the shell. */
export function shellWord(file: string): string {
  const plain = file.startsWith('-') ? `./${file}` : file;
  return /^[\w./@%+=:,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}
