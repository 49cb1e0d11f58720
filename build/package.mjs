/**
 * `npm run package`: an unpacked application and an archive of it, from the Electron runtime at hand. Icons and names come
 * from build/electron-builder.json; nothing is downloaded when ELECTRON_OVERRIDE_DIST_PATH names a runtime.
 */
import { findElectron } from './electron-runtime.mjs';
import { ensureBuilt, ensurePackages, repository, say } from './prepare.mjs';

await ensurePackages();
await ensureBuilt('main', 'preload', 'renderer');
const { runtime, reason } = await findElectron({ download: true });
if (!runtime) {
  say(`nothing can be packaged: ${reason}`);
  process.exit(1);
}
const { build, Platform, Arch } = await import('electron-builder');
const platform = { linux: Platform.LINUX, darwin: Platform.MAC, win32: Platform.WINDOWS }[process.platform] ?? Platform.LINUX;
const archive = process.platform === 'linux' ? 'tar.gz' : 'zip';
const made = await build({
  projectDir: repository,
  targets: platform.createTarget(['dir', archive], process.arch === 'arm64' ? Arch.arm64 : Arch.x64),
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
  },
});
for (const file of made) say(`made ${file.slice(repository.length + 1)}`);
