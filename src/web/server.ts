/**
 * The web host: the window's files over HTTP and one WebSocket a window, on 127.0.0.1 only. The socket wants the one-time
 * token of this start and the Origin of this server; binary frames are the session's, text frames are calls of ShellBridge.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { WINDOW_HEADERS, windowFile } from '../host/files/window-files';
import { WindowConnection, type Places } from './window-connection';

export interface WebHostOptions extends Places {
  renderer: string;
  /** 0: any that is free */
  port: number;
}

export interface WebHost {
  /** where a browser opens the lab, token included */
  address: string;
  close(): Promise<void>;
}

const MAX_MESSAGE_BYTES = 100 * 1024 * 1024;

function sameToken(given: string | null, token: string): boolean {
  const a = Buffer.from(given ?? '');
  const b = Buffer.from(token);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Starts serving. Rejects with the system's error when the port cannot be had. */
export async function serve(options: WebHostOptions): Promise<WebHost> {
  const token = randomBytes(24).toString('base64url');
  const connections = new Set<WindowConnection>();
  const autosaves = new Set<string>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  let origin = '';

  /** DNS rebinding: a page of another name that resolves to this machine sends its own Host. */
  const rightHost = (request: IncomingMessage): boolean => `http://${request.headers.host}` === origin;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, text: string): void => void response.writeHead(status, { 'content-type': 'text/plain' }).end(text);
    if (!rightHost(request)) return refuse(403, 'wrong host');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'only GET');
    const file = await windowFile(options.renderer, new URL(request.url ?? '/', origin).pathname);
    if (!file) return refuse(404, 'not found');
    response.writeHead(200, { ...WINDOW_HEADERS, 'content-type': file.type, 'content-length': file.bytes.byteLength });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    const url = new URL(request.url ?? '/', origin);
    const allowed =
      rightHost(request) && request.headers.origin === origin && url.pathname === '/ws' && sameToken(url.searchParams.get('token'), token);
    if (!allowed) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new WindowConnection(webSocket, options, autosaves);
      connections.add(connection);
      webSocket.once('close', () => connections.delete(connection));
    });
  });

  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(options.port, '127.0.0.1', () => listening());
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    // the fragment never leaves the browser
    address: `${origin}/#token=${token}`,
    async close() {
      await Promise.all([...connections].map((connection) => connection.close()));
      sockets.close();
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}
