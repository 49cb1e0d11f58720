/** The command line as a user runs it, without the npm wrapper: exit status, output and the parsed JSON. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './shells';

export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

export function pagewalk(args: string[], cwd = repository): Promise<Outcome> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [join(repository, 'out/main/cli.js'), ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.on('error', failed);
    child.on('exit', (code) => done({ status: code ?? -1, stdout, stderr }));
  });
}

export interface RunReport {
  schema: string;
  lab: string;
  instructions: number;
  ticks: number;
  stop: string;
  /** why, when there is more to say */
  stopDetail?: string;
  vms: { id: string; instructions: number; exits: Record<string, number>; serial: string }[];
  checks: { name: string; passed: boolean; detail: unknown }[];
  faults: { requester: string; address: string; access: string; reason: number; text: unknown }[];
  /** labs with VMs: what the VMM found overwritten */
  damage?: { at: number; text: string }[];
  stateHash: string;
}

export async function runLab(name: string, ...args: string[]): Promise<Outcome & { report: RunReport }> {
  const outcome = await pagewalk(['run', `resources/labs/${name}.lab.yaml`, '--json', ...args]);
  try {
    return { ...outcome, report: JSON.parse(outcome.stdout) as RunReport };
  } catch {
    throw new Error(`run ${name} ${args.join(' ')} printed no JSON (status ${outcome.status}): ${outcome.stdout}${outcome.stderr}`);
  }
}
