/**
 * `npm run package`: an unpacked application and an archive of it, from the Electron runtime at hand, and then two labs driven in
 * that application (not with --no-drive). Nothing is downloaded when ELECTRON_OVERRIDE_DIST_PATH names a runtime: the archive is
 * made with the system's tar, because electron-builder would fetch an archiver of its own.
 */
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { findElectron } from './electron-runtime.mjs';
import { ensureBuilt, ensurePackages, repository, run, say } from './prepare.mjs';

await ensurePackages();
await ensureBuilt('main', 'preload', 'renderer');
const { runtime, reason } = await findElectron({ download: true });
if (!runtime) {
  say(`nothing can be packaged: ${reason}`);
  process.exit(1);
}
const { build, Platform, Arch } = await import('electron-builder');
const platform = { linux: Platform.LINUX, darwin: Platform.MAC, win32: Platform.WINDOWS }[process.platform] ?? Platform.LINUX;
const output = resolve(repository, 'dist');
let packed;
await build({
  projectDir: repository,
  targets: platform.createTarget(['dir'], process.arch === 'arm64' ? Arch.arm64 : Arch.x64),
  publish: 'never',
  config: {
    appId: 'org.pagewalk.lab',
    productName: 'Pagewalk',
    executableName: 'pagewalk',
    electronVersion: runtime.version,
    electronDist: runtime.folder,
    directories: { output: 'dist', buildResources: 'resources/icons' },
    asar: true,
    npmRebuild: false,
    // everything but iced-x86 is bundled in out/
    files: ['out/**', '!out/**/*.map', '!out/*.stamp', 'resources/**', 'package.json', '!node_modules/**', 'node_modules/iced-x86/**'],
    // a worker reads its code and the labs from real files
    asarUnpack: ['resources/**'],
    linux: { category: 'Education' },
    afterPack: async ({ appOutDir, packager }) => {
      packed = appOutDir;
      // a runtime may bring a starting application of its own, which would be loaded instead of ours
      await rm(join(packager.getResourcesDir(appOutDir), 'app'), { recursive: true, force: true });
    },
  },
});
const executable =
  {
    darwin: join(packed, 'Pagewalk.app/Contents/MacOS/Pagewalk'),
    win32: join(packed, 'Pagewalk.exe'),
  }[process.platform] ?? join(packed, 'pagewalk');
say(`made ${relative(repository, packed)}`);

const { version } = JSON.parse(await readFile(resolve(repository, 'package.json'), 'utf8'));
const kind = process.platform === 'linux' ? 'tar.gz' : 'zip';
const archive = join(output, `pagewalk-${version}-${process.platform}-${process.arch}.${kind}`);
await rm(archive, { force: true });
// -a: the format follows from the name (bsdtar on macOS and Windows makes zip)
const archived = await run('tar', [kind === 'zip' ? '-acf' : '-czf', archive, '-C', dirname(packed), basename(packed)]);
if (archived !== 0) {
  say(`tar ended with ${archived}: there is no archive.`);
  process.exit(1);
}
say(`made ${relative(repository, archive)}`);

if (!process.argv.includes('--no-drive')) {
  const child = spawn(process.execPath, ['build/e2e.mjs', '--package', executable], { cwd: repository, stdio: 'inherit' });
  child.on('exit', (code) => process.exit(code ?? 1));
}
