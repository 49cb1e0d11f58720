/** `npm run lint`: ESLint, Prettier, the arrows between the rooms (dependency-cruiser) and both languages' keys, side by side. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { ensurePackages, repository } from './prepare.mjs';

await ensurePackages();
const bin = (name) => resolve(repository, 'node_modules/.bin', name);
const CHECKS = [
  ['eslint', ['--cache', '--cache-strategy', 'content', '--cache-location', 'node_modules/.cache/eslint/', '--max-warnings', '0', '.']],
  [
    'prettier',
    [
      '--check',
      '--cache',
      '--cache-strategy',
      'content',
      '--log-level',
      'warn',
      'src/**/*.{ts,vue,css,html}',
      'build/**/*.{ts,mjs}',
      'e2e/**/*.ts',
      '*.config.{ts,js}',
    ],
  ],
  ['depcruise', ['--config', 'build/arrows.cjs', '--output-type', 'err', 'src']],
];

const run = ([name, args]) =>
  new Promise((done) => {
    let output = '';
    const child = spawn(bin(name), args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('exit', (code) => {
      if (code !== 0) process.stdout.write(`${name}:\n${output}\n`);
      done(code === 0);
    });
  });
const results = await Promise.all(CHECKS.map(run));
process.exit(results.every(Boolean) ? 0 : 1);
