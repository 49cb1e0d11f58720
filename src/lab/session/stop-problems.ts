/**
 * Why a run ended that nobody asked to end, as problems with a place and a remedy: the instruction at which the limit was reached, or
 * at which a processor gave up. Observes nothing.
 */
import { formatAddress, PAGE_SIZE } from '../../machine/address';
import { SEGMENT_INDEX } from '../../machine/cpu/state-layout';
import { error, text, warning, type Text } from '../document/problem';
import type { Problem, StopKind } from '../protocol';
import { sourceLine } from './breakpoints';
import { disassembly } from './disassembly';
import { explainQuery } from './explain-query';
import { stateCopy } from './registers-view';
import { explainSource, vmOf, type System } from './system';

interface NextInstruction {
  linear: number;
  /** as memory has it now; empty where there is none */
  text: string;
  where: Pick<Problem, 'file' | 'line' | 'vm'>;
  /** what a fetch of it meets, when that is not memory */
  fetch: Text | null;
  idtLimit: number;
}

function nextInstruction(system: System, vm: string | null): NextInstruction {
  const bytes = vm === null ? system.machine.processor.state.u8 : vmOf(system, vm).vcpu.block.peekState();
  const state = stateCopy(bytes);
  const linear = (state.segmentBase(SEGMENT_INDEX.CS) + state.eip) >>> 0;
  const { end } = explainQuery(explainSource(system), {
    vm,
    space: 'logical',
    address: BigInt(state.eip),
    segment: 'CS',
    size: 1,
    kind: 'execute',
  });
  const nobody = text('Nobody answers there: the fetch reads all ones.', '该处无人应答：取指读到全 1。');
  const faults = text('The fetch of the instruction faults.', '取指本身就会引发异常。');
  return {
    linear,
    text: disassembly(system, vm, bytes, BigInt(linear), 1)[0]?.text ?? '',
    where: { ...(vm === null ? {} : { vm }), ...sourceLine(system.programs, vm, linear) },
    // a VM's access to an address it has no memory at leaves the guest; the VMM answers it as a bus does
    fetch:
      end.kind === 'nobody' || (end.kind === 'fault' && end.fault.name === 'ept-violation') ? nobody : end.kind === 'fault' ? faults : null,
    idtLimit: state.idtrLimit,
  };
}

function at({ linear, text: instruction }: NextInstruction): Text {
  const address = formatAddress(linear);
  return instruction === '' ? text(address, address) : text(`${address} (${instruction})`, `${address}（${instruction}）`);
}

function limit(system: System, vm: string | null): Problem {
  const next = nextInstruction(system, vm);
  return warning(
    'run-limit',
    text(
      `The instruction limit was reached; the next instruction is at ${at(next).en}.`,
      `达到指令数上限；下一条指令位于 ${at(next)['zh-CN']}。`,
    ),
    text(
      'If the program is meant to run longer, raise limits.instructions (or --max-instructions). If not, look for a loop without an end here.',
      '如果程序本来就要运行更久，请提高 limits.instructions（或 --max-instructions）；否则请检查此处是否有死循环。',
    ),
    next.where,
  );
}

function tripleFault(system: System, vm: string | null): Problem {
  const next = nextInstruction(system, vm);
  const why = next.fetch ?? text('', '');
  const who = vm === null ? text('', '') : text(`${vm}: `, `${vm}：`);
  const idt = next.idtLimit.toString(16).toUpperCase();
  return error(
    'run-triple-fault',
    text(
      `${who.en}Triple fault at ${at(next).en}: an exception could not be delivered, nor the double fault that followed. ${why.en}`.trim(),
      `${who['zh-CN']}在 ${at(next)['zh-CN']} 发生三重故障：异常无法送达，随后的双重故障也无法送达。${why['zh-CN']}`,
    ),
    text(
      `Set a breakpoint before it and step, or walk that address. To survive an exception, load an IDT with handlers (its limit is now 0x${idt}).`,
      `请在它之前设置断点并单步运行，或跟踪该地址。若要处理异常，请加载含处理程序的 IDT（现在的界限是 0x${idt}）。`,
    ),
    next.where,
  );
}

const mebibytes = (frames: number): string => `${Math.round((frames * PAGE_SIZE) / 1024 ** 2)} MiB`;

/** The pool of touched frames is full: who filled it. */
function outOfMemory({ machine: { frames }, vmm }: System): Problem {
  const byVm = (vmm?.vms ?? []).map((vm) => {
    let touched = 0;
    for (const { host, count } of vm.map.pieces())
      for (let frame = host; frame < host + count; frame++) if (frames.offsetOf(frame) >= 0) touched++;
    return { id: vm.id, touched };
  });
  byVm.sort((a, b) => b.touched - a.touched);
  const total = mebibytes(frames.touchedFrames);
  const who = byVm.map(({ id, touched }) => `${id} ${mebibytes(touched)}`).join(', ');
  return error(
    'run-out-of-memory',
    text(
      `The lab holds at most ${mebibytes(frames.limitBytes / PAGE_SIZE)} of touched memory, and ${total} have been touched${who === '' ? ' by the program' : `: ${who}`}.`,
      `本实验最多容纳 ${mebibytes(frames.limitBytes / PAGE_SIZE)} 被触及的内存，${who === '' ? `程序已触及 ${total}` : `已触及 ${total}：${who}`}。`,
    ),
    text(
      'Memory costs only what is touched: let the program touch less of it, or use fewer or smaller VMs. Then start over.',
      '内存只按被触及的部分占用：请让程序触及更少的内存，或使用更少、更小的虚拟机，然后重新开始。',
    ),
    byVm[0] ? { vm: byVm[0].id } : {},
  );
}

/** Modules in which ECC met words that it could not correct: what a machine check would tell. */
function memoryErrors({ machine: { memory } }: System): Problem[] {
  const { dram } = memory;
  return (dram?.locator.modules ?? []).flatMap((module) => {
    const { uncorrectable } = dram!.errors(module);
    if (uncorrectable === 0) return [];
    return [
      warning(
        'run-memory-error',
        text(
          `${module.slot}: ECC met ${uncorrectable === 1 ? 'a word' : `${uncorrectable} words`} with more wrong bits than it can correct; whoever read ${uncorrectable === 1 ? 'it' : 'them'} got wrong data.`,
          `${module.slot}：ECC 遇到 ${uncorrectable} 个错误位过多、无法纠正的字；读取者得到了错误数据。`,
        ),
        text(
          'The transaction log says which words and which rows. Give the module more TRR counters, or a higher threshold.',
          '事务日志说明是哪些字、哪些行。可增加该内存条的 TRR 计数器，或提高阈值。',
        ),
        { part: module.slot },
      ),
    ];
  });
}

/** Empty for an end that was asked for, in memory without errors. A VM that gave up for another reason says so itself, in the VMM's words. */
export function stopProblems(system: System, kind: StopKind, currentVm: string | null): Problem[] {
  return [...endProblems(system, kind, currentVm), ...memoryErrors(system)];
}

function endProblems(system: System, kind: StopKind, currentVm: string | null): Problem[] {
  if (kind === 'limit') return [limit(system, currentVm)];
  if (kind === 'out-of-memory') return [outOfMemory(system)];
  if (kind !== 'triple-fault') return [];
  if (!system.vmm) return [tripleFault(system, null)];
  return system.vmm.vms.filter((vm) => vm.tripleFault).map(({ id }) => tripleFault(system, id));
}
