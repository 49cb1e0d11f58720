/** `pagewalk://app/…`: the window's own files under a real origin, so that the content security policy and fetch work as on the web. */
import { protocol, session } from 'electron';
import { WINDOW_HEADERS, windowFile } from '../host/files/window-files';
import { places } from './places';

const SCHEME = 'pagewalk';
export const WINDOW_ORIGIN = `${SCHEME}://app`;
export const WINDOW_URL = `${WINDOW_ORIGIN}/index.html`;

/** Before the application is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/** After it is ready. Only the built window's files are served; a second line refuses every request that leaves the machine. */
export function serveWindow(): void {
  protocol.handle(SCHEME, async (request) => {
    const url = new URL(request.url);
    const file = url.host === 'app' ? await windowFile(places.renderer, url.pathname) : undefined;
    if (file === undefined) return new Response('not found', { status: 404, headers: { 'content-type': 'text/plain' } });
    return new Response(file.bytes, { headers: { ...WINDOW_HEADERS, 'content-type': file.type } });
  });
  session.defaultSession.webRequest.onBeforeRequest((details, answer) => {
    const own =
      details.url.startsWith(`${SCHEME}:`) ||
      details.url.startsWith('devtools:') ||
      details.url.startsWith('blob:') ||
      details.url.startsWith('data:');
    const development = process.env['ELECTRON_RENDERER_URL'];
    answer({ cancel: !own && !(development !== undefined && /^(http|ws):\/\/(localhost|127\.0\.0\.1):/.test(details.url)) });
  });
}
