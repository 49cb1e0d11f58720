/** `walk LAB`: the Journey of one access, at an instruction or at the end of the run. */
import { DEFAULT_INSTRUCTION_LIMIT } from '../../lab/document/schema';
import { error, suggestNames, text } from '../../lab/document/problem';
import { nearestNames } from '../../lab/document/nearest';
import type { AccessQuery, Language } from '../../lab/protocol';
import { QueryError } from '../../lab/session/computer';
import { powerOn } from '../../lab/session/power-on';
import { parseAddress } from '../../machine/board/schema';
import { Failure, failure, formatProblem, formatProblems } from '../failure';
import { journeyJson, toJson } from '../json';
import { journeyText } from '../journey-text';
import { openLab } from '../open-lab';
import { EXIT, type Surroundings } from '../streams';
import { runToEnd } from './run';

export interface WalkOptions {
  vm?: string;
  space: AccessQuery['space'];
  address: string;
  access: AccessQuery['kind'];
  size: number;
  cpl?: number;
  requester?: string;
  at?: number;
  set: string[];
  maxInstructions?: number;
  json?: boolean;
}

const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

/** The access that the options describe. Throws Failure on what is none. */
function queryOf(options: WalkOptions, vmIds: readonly string[]): AccessQuery {
  const { space, access: kind, cpl, requester } = options;
  const vm = options.vm ?? (space === 'host' || space === 'iova' ? null : (vmIds[0] ?? null));
  if (options.vm !== undefined && !vmIds.includes(options.vm)) {
    throw failure(
      'walk-unknown-vm',
      text(`There is no VM "${options.vm}".`, `没有虚拟机 “${options.vm}”。`),
      vmIds.length === 0
        ? text('This lab has no VMs: leave --vm out.', '该实验没有虚拟机：请去掉 --vm。')
        : suggestNames(nearestNames(options.vm, vmIds)),
    );
  }
  const match = /^([A-Za-z]{2}):(.*)$/.exec(options.address);
  const segment = match ? SEGMENTS.find((name) => name === match[1]!.toUpperCase()) : undefined;
  const address = parseAddress(match && space === 'logical' ? match[2]! : options.address);
  if (address === undefined || (match && (space !== 'logical' || !segment))) {
    throw failure(
      'walk-bad-address',
      text(`--address ${options.address} is not a ${space} address.`, `--address ${options.address} 不是有效的地址。`),
      text(
        'Write a number, as 0x10_0000; for logical, SEGMENT:OFFSET, as DS:0x10.',
        '请写数字，如 0x10_0000；逻辑地址写作 段:偏移，如 DS:0x10。',
      ),
    );
  }
  if (![1, 2, 4, 8].includes(options.size)) {
    throw failure(
      'walk-bad-size',
      text(`--size ${options.size} is not 1, 2, 4 or 8.`, `--size ${options.size} 不是 1、2、4 或 8。`),
      text('Leave it out for 4.', '省略则为 4。'),
    );
  }
  if (cpl !== undefined && cpl > 3)
    throw failure(
      'walk-bad-cpl',
      text(`--cpl ${cpl} is not 0 to 3.`, `--cpl ${cpl} 不在 0 到 3 之间。`),
      text('Leave it out for the current one.', '省略则为当前级别。'),
    );
  return {
    vm,
    space,
    address: BigInt(address),
    ...(space === 'logical' ? { segment: segment ?? (kind === 'execute' ? 'CS' : 'DS') } : {}),
    size: options.size as AccessQuery['size'],
    kind,
    ...(cpl !== undefined ? { cpl } : {}),
    ...(requester !== undefined ? { requester } : {}),
  };
}

/** Exit 0 when the walk was made, whatever it ended in. */
export async function walk(lab: string, options: WalkOptions, language: Language, surroundings: Surroundings): Promise<number> {
  const { document, files, shown, warnings } = await openLab(lab, options.set, surroundings);
  surroundings.err(formatProblems(warnings, shown, language));
  const { computer, problems } = powerOn(document, files);
  if (!computer) throw new Failure(problems, shown);
  const query = queryOf(options, computer.vmIds);
  for (const { refused } of computer.boots) if (refused) surroundings.err(formatProblem(refused, shown, language) + '\n');
  const limit = options.at ?? options.maxInstructions ?? document.limits?.instructions ?? DEFAULT_INSTRUCTION_LIMIT;
  if (!computer.stopped) await runToEnd(computer, limit);
  let journey;
  try {
    journey = computer.explain(query);
  } catch (thrown) {
    if (!(thrown instanceof QueryError)) throw thrown;
    throw new Failure([error('walk-not-possible', thrown.text, text('See walk --help.', '参见 walk --help。'))]);
  }
  surroundings.out(options.json ? toJson(journeyJson(journey)) : journeyText(journey, language));
  return EXIT.ok;
}
