/**
 * Makes release/keymaker_VERSION_all.deb from a build: node --import tsx scripts/release/deb.js
 * The package has the program below /usr/lib/keymaker, both commands, the unit, the user (systemd-sysusers), man pages and
 * completions. It starts nothing: a flock has to be there first. Removing it keeps /etc/flockd and /var/lib/flockd.
 */
import { execFileSync } from 'node:child_process';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { completions } from '../../src/cli/completion.ts';
import { unitText } from '../../src/daemon/systemd.ts';

const root = path.resolve(import.meta.dirname, '../..');
process.chdir(root);
const { version, description, homepage, author } = JSON.parse(await readFile('package.json', 'utf8'));
await mkdir('release', { recursive: true });
const stage = await mkdtemp('release/.deb-');
try {
  await fill();
  const file = `release/keymaker_${version}_all.deb`;
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds()) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(file);
} finally {
  await rm(stage, { recursive: true, force: true });
}

async function fill() {
  const program = '/usr/lib/keymaker';
  await chmod(stage, 0o755);
  await cp('dist', at(`${program}/dist`), { recursive: true });
  await rm(at(`${program}/dist/LICENSES.txt`));
  await cp('package.json', at(`${program}/package.json`));
  await cp('scripts/notify-fd', at(`${program}/scripts/notify-fd`));
  for (const page of (await readdir('dist/man')).filter((name) => /\.[17]$/.test(name))) {
    const content = gzipSync(await readFile(`dist/man/${page}`), { level: 9 });
    await put(`/usr/share/man/man${page.at(-1)}/${page}.gz`, content);
  }
  for (const name of ['keymaker', 'flockd']) {
    await mkdir(at('/usr/bin'), { recursive: true });
    await symlink(`../lib/keymaker/dist/${name}.js`, at(`/usr/bin/${name}`));
    await put(`/usr/share/bash-completion/completions/${name}`, completions.bash(name));
    await put(`/usr/share/zsh/vendor-completions/_${name}`, completions.zsh(name));
    await put(`/usr/share/fish/vendor_completions.d/${name}.fish`, completions.fish(name));
  }
  const unit = unitText({
    node: '/usr/bin/node',
    flockd: `${program}/dist/flockd.js`,
    program,
    notifyFd: `${program}/scripts/notify-fd`,
    root: '/etc/flockd',
    user: 'flockd',
  });
  await put('/usr/lib/systemd/system/flockd.service', unit);
  await put('/usr/lib/sysusers.d/flockd.conf', 'u flockd - "flockd" /var/lib/flockd /usr/sbin/nologin\n');
  await put('/usr/share/keymaker/flockd.rules.yml', await readFile('scripts/prometheus/flockd.rules.yml'));
  await put('/usr/share/doc/keymaker/changelog.gz', gzipSync(await readFile('CHANGELOG.md'), { level: 9 }));
  await put('/usr/share/doc/keymaker/copyright', await copyright());
  for (const name of ['preinst', 'postinst', 'prerm', 'postrm'])
    await put(`/DEBIAN/${name}`, await readFile(`scripts/release/debian/${name}`), 0o755);
  await put('/DEBIAN/control', control(filesBelow(stage)));
  // Files of the same source have the same times: reproducible-builds.org.
  for (const file of filesBelow(stage)) await utimes(file, seconds(), seconds());
}

function at(place) {
  return path.join(stage, place);
}

async function put(place, content, mode = 0o644) {
  await mkdir(path.dirname(at(place)), { recursive: true });
  await writeFile(at(place), content);
  await chmod(at(place), mode);
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** When the source was committed, or now if that is unknown. */
function seconds() {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }));
  } catch {
    return Math.floor(Date.now() / 1000);
  }
}

function control(files) {
  return `Package: keymaker
Version: ${version}
Architecture: all
Maintainer: ${author}
Installed-Size: ${Math.ceil(files.reduce((bytes, file) => bytes + statSync(file).size, 0) / 1024)}
Depends: nodejs (>= 20.19), perl-base, util-linux, systemd (>= 252)
Section: net
Priority: optional
Homepage: ${homepage}
Description: ${description}
 keymaker authorizes one account for each poem of a folder and writes a key
 bundle for each. flockd runs as a service and posts the next line of each
 poem on schedule. Its ledger makes sure that no line is posted twice or
 skipped.
`;
}

async function copyright() {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: keymaker
Source: ${homepage}

Files: *
Copyright: ${author}
License: MIT

The programs contain these packages:

${await readFile('dist/LICENSES.txt', 'utf8')}
`;
}
