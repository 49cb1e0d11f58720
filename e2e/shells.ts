/**
 * The shells that a spec runs in: `chromium` opens the web host's address, `electron` starts the desktop application. Each test
 * has a data folder of its own, so that settings, recent labs and autosaves start empty, and in the browser a host and a profile
 * of its own; the browser itself is started once for many tests.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  _electron,
  chromium,
  test as base,
  type Browser,
  type BrowserContext,
  type ElectronApplication,
  type Page,
} from '@playwright/test';

export const repository = resolve(import.meta.dirname, '..');
const ROOT_FLAGS = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
/** The CPU's own rasteriser: with an emulated GPU the same window takes two to four times as long. */
const SOFTWARE_RENDERING = ['--disable-gpu'];
const QUIET = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
/**
 * The pages that a browser keeps ready behind its address bar cost as much as ours for every test. The last such list counts, so
 * that it has what Playwright switches off for the sake of its own work as well.
 */
const WITHOUT = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'WebUIOmniboxFullPopup'],
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable'],
  ...['LensOverlay', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning', 'OptimizationHints', 'NetworkTimeServiceQuerying'],
  ...['AimEnabled', 'PreconnectToSearch'],
];

export interface StartOptions {
  /** a lab file to open */
  lab?: string;
  size?: { width: number; height: number };
  /** desktop application to run instead of the checkout */
  application?: string;
}

export class Shell {
  page!: Page;
  electron: ElectronApplication | null = null;
  private profile: BrowserContext | null = null;
  private host: ChildProcess | null = null;

  constructor(
    readonly kind: 'chromium' | 'electron',
    readonly data: string,
    /** where the window is opened; null in Electron */
    private readonly browser: Browser | null = null,
    /** X display for Electron; null for that of the environment */
    private readonly display: string | null = null,
  ) {}

  async start(options: StartOptions = {}): Promise<Page> {
    this.page = this.kind === 'electron' ? await this.startElectron(options) : await this.startChromium(options);
    // the window answers keys once its workspace is there
    await this.page.locator('main[data-workspace] [role=region]').first().waitFor();
    return this.page;
  }

  /** Ends the application without a chance to clean up, as a crash would. */
  async kill(): Promise<void> {
    if (this.electron) {
      const child = this.electron.process();
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
      this.electron = null;
    } else {
      await this.stop();
    }
  }

  async stop(): Promise<void> {
    if (this.electron) {
      // beforeunload and close prompts must not keep a finished test alive
      const child = this.electron.process();
      const gone = new Promise<void>((done) => child.once('exit', () => done()));
      child.kill('SIGTERM');
      await Promise.race([gone, new Promise<void>((late) => setTimeout(late, 5_000))]);
      if (child.exitCode === null) child.kill('SIGKILL');
      this.electron = null;
    }
    await this.profile?.close();
    this.profile = null;
    this.host?.kill('SIGKILL');
    this.host = null;
  }

  private async startElectron({ lab, size, application }: StartOptions): Promise<Page> {
    const executablePath = application ?? process.env['PAGEWALK_ELECTRON'];
    const launch = (timeout: number) =>
      _electron.launch({
        ...(executablePath ? { executablePath } : {}),
        args: [...ROOT_FLAGS, ...SOFTWARE_RENDERING, ...(application ? [] : [repository]), ...(lab ? [lab] : [])],
        env: { ...process.env, PAGEWALK_DATA: this.data, PAGEWALK_TEST: '1', ...(this.display && { DISPLAY: this.display }) } as Record<
          string,
          string
        >,
        timeout,
      });
    // one start in sixty never answers the debugger that Playwright attaches, before any of our code runs; on a busy machine only
    this.electron = await launch(30_000).catch(() => launch(45_000));
    const page = await this.electron.firstWindow();
    if (size) {
      await this.electron.evaluate(({ BrowserWindow }, { width, height }) => {
        const [window] = BrowserWindow.getAllWindows();
        window?.setContentSize(width, height);
      }, size);
    }
    return page;
  }

  private async startChromium({ size }: StartOptions): Promise<Page> {
    this.host = spawn(process.execPath, [join(repository, 'out/main/web.js')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PAGEWALK_DATA: this.data, PAGEWALK_TEST: '1' },
    });
    const address = await new Promise<string>((found, failed) => {
      let printed = '';
      this.host!.stdout!.on('data', (chunk) => {
        printed += String(chunk);
        const match = /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(printed);
        if (match) found(match[0]);
      });
      this.host!.once('exit', (code) => failed(new Error(`the web host ended with ${code}: ${printed}`)));
    });
    this.profile = await this.browser!.newContext({ viewport: size ?? { width: 1440, height: 900 }, locale: 'en-US' });
    const page = await this.profile.newPage();
    await page.goto(address);
    return page;
  }
}

/** A virtual display of its own, under the number that the server chooses. */
async function startDisplay(command: string): Promise<{ server: ChildProcess; display: string }> {
  const server = spawn(command, ['-displayfd', '3', '-screen', '0', '1920x1080x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const number = await new Promise<string>((found, failed) => {
    server.once('error', failed);
    server.once('exit', (code) => failed(new Error(`${command} ended with ${code}`)));
    server.stdio[3]!.once('data', (chunk) => found(String(chunk).trim()));
  });
  return { server, display: `:${number}` };
}

export const test = base.extend<{ shell: Shell }, { browserOfWorker: Browser | null; displayOfWorker: string | null }>({
  // windows of several workers on one display push each other from under the pointer, which ends what is being dragged
  displayOfWorker: [
    async ({}, use, { project }) => {
      const command = project.name === 'electron' ? process.env['PAGEWALK_XVFB'] : undefined;
      if (!command) return use(null);
      const { server, display } = await startDisplay(command);
      await use(display);
      server.kill();
    },
    { scope: 'worker' },
  ],
  browserOfWorker: [
    async ({}, use, { project }) => {
      if (project.name !== 'chromium') return use(null);
      const browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: [...ROOT_FLAGS, ...SOFTWARE_RENDERING, ...QUIET, `--disable-features=${WITHOUT.join()}`],
      });
      await use(browser);
      await browser.close();
    },
    { scope: 'worker' },
  ],
  shell: async ({ browserOfWorker, displayOfWorker }, use, info) => {
    const kind = info.project.name === 'electron' ? 'electron' : 'chromium';
    base.skip(kind === 'electron' && !process.env['PAGEWALK_ELECTRON'], `no Electron runtime: ${process.env['PAGEWALK_ELECTRON_REASON']}`);
    const data = await mkdtemp(join(tmpdir(), 'pagewalk-e2e-'));
    const shell = new Shell(kind, data, browserOfWorker, displayOfWorker);
    await use(shell);
    // what a user would have seen when it went wrong
    if (info.status !== info.expectedStatus) await shell.page?.screenshot({ path: info.outputPath('window.png') }).catch(() => undefined);
    await shell.stop();
    // what a killed application's processes still write goes with them
    await rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  },
});
export { expect } from '@playwright/test';

/** Specs outside the one journey a workspace run in both shells only with `npm run test:e2e:all`. */
export const onlyInFullRuns = (): void => {
  test.skip(process.env['PAGEWALK_E2E_ALL'] !== '1', 'part of npm run test:e2e:all');
};
