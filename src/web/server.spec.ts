import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { decodeAnswer, encodeText } from '../lab/text-frames';
import { serve, type WebHost } from './server';

let folder: string;
let host: WebHost;
let origin: string;
let token: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pagewalk-spec-'));
  await mkdir(join(folder, 'renderer'));
  await writeFile(join(folder, 'renderer/index.html'), '<title>lab</title>');
  await mkdir(join(folder, 'resources/labs'), { recursive: true });
  await writeFile(join(folder, 'resources/labs/one.lab.yaml'), 'format: pagewalk.lab/1\nmachine: { program: one.asm }\n');
  await writeFile(join(folder, 'resources/labs/one.asm'), 'hlt\n');
  host = await serve({
    renderer: join(folder, 'renderer'),
    resources: join(folder, 'resources'),
    worker: join(folder, 'none.js'),
    data: join(folder, 'data'),
    lab: join(folder, 'mine.lab.yaml'),
    port: 0,
  });
  await writeFile(join(folder, 'mine.lab.yaml'), 'format: pagewalk.lab/1\n');
  await writeFile(join(folder, 'other.lab.yaml'), 'format: pagewalk.lab/1\n');
  [, origin, token] = /^(http:\/\/[^/]+)\/#token=(.+)$/.exec(host.address) as unknown as [string, string, string];
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

/** Status of the upgrade: 101 when the socket opens. */
function connect(path: string, headers: Record<string, string>): Promise<{ status: number; socket?: WebSocket }> {
  return new Promise((done) => {
    const socket = new WebSocket(origin.replace('http', 'ws') + path, { headers });
    socket.on('open', () => done({ status: 101, socket }));
    socket.on('unexpected-response', (_request, response) => done({ status: response.statusCode ?? 0 }));
    socket.on('error', () => done({ status: 0 }));
  });
}

describe('the web host', () => {
  it('listens on this machine only and serves the window with its policy', async () => {
    expect(origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(origin + '/');
    expect(await response.text()).toContain('lab');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  });

  it('serves nothing under another name', async () => {
    const status = await new Promise((done) => {
      request(origin, { headers: { host: 'attacker.example' } }, (response) => done(response.statusCode)).end();
    });
    expect(status).toBe(403);
  });

  it.each([
    ['no token', '/ws', (o: string) => o],
    ['a wrong token', '/ws?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', (o: string) => o],
    ['another origin', null, () => 'http://attacker.example'],
    ['another port', null, () => 'http://127.0.0.1:1'],
  ])('refuses a socket with %s', async (_what, path, from) => {
    expect((await connect(path ?? `/ws?token=${token}`, { origin: from(origin) })).status).toBe(403);
  });

  it('answers calls with a token and the right origin, and refuses what is not one', async () => {
    const { socket } = await connect(`/ws?token=${token}`, { origin });
    const next = () => new Promise<string>((done) => socket!.once('message', (data) => done(String(data))));
    const ask = async (method: string, ...args: unknown[]) => {
      const answer = next();
      socket!.send(encodeText({ id: 7, method, args }));
      return decodeAnswer(await answer);
    };
    expect(await ask('listShipped')).toMatchObject({ id: 7, result: [{ name: 'one' }] });
    expect(await ask('openShipped', 'one')).toMatchObject({ result: { ok: true, value: { name: 'one', files: { 'one.asm': 'hlt\n' } } } });
    expect(await ask('openShipped', '../../secret')).toMatchObject({ result: { ok: false, error: { code: 'not-found' } } });
    expect(await ask('namedLab')).toMatchObject({ result: join(folder, 'mine.lab.yaml') });
    expect(await ask('openPath', join(folder, 'mine.lab.yaml'))).toMatchObject({
      result: { ok: true, value: { name: 'mine', path: null } },
    });
    expect(await ask('openPath', join(folder, 'other.lab.yaml'))).toMatchObject({
      result: { ok: false, error: { code: 'not-permitted' } },
    });
    expect(await ask('constructor')).toHaveProperty('error');
    expect(await ask('saveSettings', { theme: 'dark' })).toMatchObject({ result: null });
    expect(await ask('loadSettings')).toMatchObject({ result: { theme: 'dark' } });
    const closed = new Promise<number>((done) => socket!.once('close', done));
    socket!.send('{"not":"a call"}');
    expect(await closed).toBe(1003);
  });
});
