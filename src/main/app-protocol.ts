/**
 * The window's own files under a real origin, so that the content security policy and fetch work as on the web. The origin is
 * https with a name that can never resolve (RFC 2606), answered inside the application: every https request ends here, and
 * what is not the window's own gets nothing. (A scheme of our own would have to be registered before Electron is ready, which
 * a main module that is loaded asynchronously cannot promise.)
 */
import { session } from 'electron';
import { WINDOW_HEADERS, windowFile } from '../host/files/window-files';
import { places } from './places';

export const WINDOW_ORIGIN = 'https://pagewalk.invalid';
export const WINDOW_URL = `${WINDOW_ORIGIN}/index.html`;
/** Schemes that stay inside the process. */
const LOCAL = ['devtools:', 'blob:', 'data:'];

/** Once the application is ready: serves the window, and refuses every request that would leave the machine. */
export function serveWindow(): void {
  session.defaultSession.protocol.handle('https', async (request) => {
    const url = new URL(request.url);
    const file = url.origin === WINDOW_ORIGIN ? await windowFile(places.renderer, url.pathname) : undefined;
    if (file === undefined) return new Response('not found', { status: 404, headers: { 'content-type': 'text/plain' } });
    return new Response(file.bytes, { headers: { ...WINDOW_HEADERS, 'content-type': file.type } });
  });
  session.defaultSession.webRequest.onBeforeRequest(({ url }, answer) => {
    const development = process.env['ELECTRON_RENDERER_URL'];
    const own = url.startsWith(`${WINDOW_ORIGIN}/`) || LOCAL.some((scheme) => url.startsWith(scheme));
    answer({ cancel: !own && !(development !== undefined && /^(http|ws):\/\/(localhost|127\.0\.0\.1):/.test(url)) });
  });
}
