/** The Debian packages that the tests use. As root on Debian they are installed; elsewhere what is missing is named. */
import { existsSync } from 'node:fs';
import { run, say } from './prepare.mjs';

const PACKAGES = [
  { name: 'chromium', present: () => existsSync('/usr/bin/chromium') },
  { name: 'xvfb', present: () => existsSync('/usr/bin/Xvfb') },
  { name: 'xauth', present: () => existsSync('/usr/bin/xauth') },
  { name: 'nasm', present: () => existsSync('/usr/bin/nasm') },
  { name: 'fonts-noto-cjk', present: () => existsSync('/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc') },
];

/** Names of the packages that are still missing afterwards. */
export async function ensureDebianPackages() {
  const missing = () => PACKAGES.filter(({ present }) => !present()).map(({ name }) => name);
  const wanted = missing();
  if (wanted.length === 0) return [];
  if (process.platform === 'linux' && existsSync('/usr/bin/apt-get') && process.getuid?.() === 0) {
    say(`installing ${wanted.join(', ')} through apt-get`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], { env });
  } else {
    say(`missing for the tests: ${wanted.join(', ')}. Install them (Debian: apt-get install ${wanted.join(' ')}).`);
  }
  return missing();
}
