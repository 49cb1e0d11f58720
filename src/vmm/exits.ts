/**
 * What the VMM does when a guest leaves, one handler for each reason. A handler emulates what the guest wanted and lets it go
 * on, or ends it with a sentence that says why. Nothing here trusts a control block or a table to be what the VMM wrote.
 */
import { MSR_EFER, MSR_FIELDS, MSR_TSC } from '../machine/cpu/model-specific';
import { formatAddress, PAGE_SIZE } from '../machine/address';
import { EVENT_TYPE, MAX_COMPLETIONS, skipInstruction } from '../machine/cpu/control-block';
import type { CompletionKind } from '../machine/cpu/control-block';
import type { VmExit } from '../machine/cpu/exit';
import type { ExitReason } from '../machine/cpu/exit-reasons';
import { decodeIoQualification } from '../machine/cpu/ports';
import { describeEntryDamage } from './audit';
import type { VmmHost } from './host';
import type { Text } from './text';
import type { Vm } from './vm';

const GENERAL_PROTECTION = 13;
const EAX = 0;
const ECX = 1;
const EDX = 2;
const EBX = 3;
/** What a hypercall that nobody knows returns, as on KVM (-ENOSYS). */
const NO_SUCH_HYPERCALL = -1000;
/** Exits in a row without a completed instruction before the VM is given up. No instruction needs that many. */
const MOST_EXITS_IN_PLACE = 64;

const EFER_NXE = 0x800n;

/** CPUID leaf 1: VMX in ECX, MCE and MCA in EDX */
const CPUID_VMX = 1 << 5;
const CPUID_MACHINE_CHECK = (1 << 7) | (1 << 14);

type Handler = (vm: Vm, exit: VmExit, host: VmmHost) => void;

/** Handles one exit. Afterwards the VM is `ready` to be entered again, `halted` or `crashed`. */
export class ExitHandlers {
  /** exits since the VM last completed an instruction, by VM */
  private readonly inPlace = new Map<string, { instructions: number; exits: number }>();

  constructor(private readonly host: VmmHost) {}

  handle(vm: Vm, exit: VmExit): void {
    // a used-up budget is an exit of the VM's turn only when the turn is over; the VMM knows
    if (exit.reason !== 'preemption-timer') vm.count(exit.reason);
    const handler = HANDLERS[exit.reason];
    if (!handler) {
      vm.crash(
        text(
          vm,
          `left for ${exit.reason}, which the VMM never asked for: its control block says otherwise than it was written`,
          `因 ${exit.reason} 退出，而 VMM 从未要求这种退出：控制块的内容已被改动`,
        ),
      );
      return;
    }
    handler(vm, exit, this.host);
    // stopping for whoever looks on is no lack of progress; a slice full of exceptions whose handlers fault at once is
    if (vm.state === 'ready' && !(exit.reason === 'preemption-timer' && this.host.stoppedAt() !== null)) this.watchProgress(vm);
  }

  /** After a snapshot was loaded: what was seen before it does not count. */
  reset(): void {
    this.inPlace.clear();
  }

  private watchProgress(vm: Vm): void {
    const instructions = vm.instructions;
    const seen = this.inPlace.get(vm.id);
    if (!seen || seen.instructions !== instructions) {
      this.inPlace.set(vm.id, { instructions, exits: 1 });
      return;
    }
    if (++seen.exits <= MOST_EXITS_IN_PLACE) return;
    const at = formatAddress(vm.vcpu.block.rip);
    vm.crash(text(vm, `keeps leaving at ${at} without completing an instruction`, `在 ${at} 反复退出，却不能完成一条指令`));
  }
}

const HANDLERS: Partial<Record<ExitReason, Handler>> = {
  'preemption-timer': () => undefined,
  'external-interrupt': () => undefined,
  // an NMI or a machine check is the host's and says nothing of the guest; the VMM has heard of it by the exit
  'exception-or-nmi': () => undefined,
  hlt: (vm, exit, host) => {
    skip(vm, exit, host);
    // no interrupt reaches a VM yet, so nothing could wake it
    vm.state = 'halted';
  },
  'triple-fault': (vm) => {
    vm.tripleFault = true;
    const at = formatAddress(vm.vcpu.block.rip);
    vm.crash(
      text(
        vm,
        `triple fault at ${at}: an exception could not be delivered, nor the double fault that followed`,
        `在 ${at} 发生三重故障：异常无法送达，随后的双重故障也无法送达`,
      ),
    );
  },
  cpuid: (vm, exit, host) => {
    const { block } = vm.vcpu;
    const answer = host.cpuid(block.reg32(EAX));
    // a guest is not offered the virtualization that the VMM itself uses, nor machine checks, which are the host's
    const leaf1 = block.reg32(EAX) === 1;
    const ecx = leaf1 ? answer.ecx & ~CPUID_VMX : answer.ecx;
    block.setReg32(EAX, answer.eax);
    block.setReg32(EBX, answer.ebx);
    block.setReg32(ECX, ecx);
    block.setReg32(EDX, leaf1 ? answer.edx & ~CPUID_MACHINE_CHECK : answer.edx);
    skip(vm, exit, host);
  },
  vmcall: (vm, exit, host) => {
    vm.vcpu.block.setReg32(EAX, NO_SUCH_HYPERCALL);
    skip(vm, exit, host);
  },
  rdmsr: readMsr,
  wrmsr: writeMsr,
  'io-instruction': portAccess,
  'ept-violation': eptViolation,
  'ept-misconfiguration': (vm, exit) => {
    const at = formatAddress(exit.guestPhysical);
    const cause = describeEntryDamage(vm, exit.guestPhysical);
    vm.crash(
      text(vm, `EPT misconfiguration at guest-physical ${at}. ${cause.en}`, `客户机物理地址 ${at} 处 EPT 配置错误。${cause['zh-CN']}`),
    );
  },
  'entry-failure-guest-state': (vm, exit) => {
    const why = exit.detail ?? { en: 'its control block is not valid', 'zh-CN': '控制块无效' };
    vm.crash(text(vm, `the processor refused to enter it: ${why.en}`, `处理器拒绝进入该虚拟机：${why['zh-CN']}`));
  },
};

/** A sentence about a VM, its id in front. */
const text = (vm: Vm, en: string, zh: string): Text => ({
  en: `${vm.id}: ${en}.`.replace(/\.\.$/, '.'),
  'zh-CN': `${vm.id}：${zh}。`.replace(/。。$/, '。'),
});

function skip(vm: Vm, exit: VmExit, host: VmmHost): void {
  skipInstruction(vm.vcpu.block, exit);
  host.countInstruction();
}

function complete(vm: Vm, kind: CompletionKind, address: number, size: 1 | 2 | 4, value: number): void {
  if (vm.vcpu.block.completionCount < MAX_COMPLETIONS) {
    vm.vcpu.block.addCompletion({ kind, address, size, value });
    return;
  }
  vm.crash(
    text(
      vm,
      `one instruction makes more than ${MAX_COMPLETIONS} accesses to emulated devices`,
      `一条指令对模拟设备的访问超过 ${MAX_COMPLETIONS} 次`,
    ),
  );
}

function portAccess(vm: Vm, exit: VmExit, host: VmmHost): void {
  const { port, size, input } = decodeIoQualification(exit.qualification);
  const written = exit.access?.value ?? 0;
  const { value, device } = input ? vm.bus.readPort(port, size) : { value: written, device: vm.bus.writePort(port, size, written) };
  host.log({
    kind: device === null ? 'unanswered' : input ? 'port-read' : 'port-write',
    who: vm.id,
    code: input ? 'port-read' : 'port-write',
    size,
    value,
    ...(device === null ? {} : { answeredBy: device }),
    outcome: device === null ? 'nobody' : 'ok',
    data: { port },
  });
  complete(vm, input ? 'portIn' : 'portOut', port, size, value);
}

function eptViolation(vm: Vm, exit: VmExit, host: VmmHost): void {
  const { guestPhysical, access } = exit;
  if (vm.isMemory(guestPhysical)) {
    const frame = Math.floor(guestPhysical / PAGE_SIZE);
    const at = formatAddress(guestPhysical);
    if (vm.map.hostFrame(frame) >= 0) {
      const cause = describeEntryDamage(vm, guestPhysical);
      vm.crash(
        text(
          vm,
          `EPT violation at guest-physical ${at}, which is its own memory. ${cause.en}`,
          `在其自身内存 ${at} 处发生 EPT 违例。${cause['zh-CN']}`,
        ),
      );
    } else if (!vm.backFrame(frame))
      vm.crash(
        text(
          vm,
          `touched guest-physical ${at} for the first time, and the host has no free frame to put behind it`,
          `首次访问客户机物理地址 ${at}，而宿主机已没有空闲页帧可用`,
        ),
      );
    return;
  }
  emulateMemory(vm, guestPhysical, access, host);
}

/** An access outside the VM's memory: no emulated device has registers in memory yet, so nobody answers, all ones. */
function emulateMemory(vm: Vm, guestPhysical: number, access: VmExit['access'], host: VmmHost): void {
  const at = formatAddress(guestPhysical);
  if (!access) {
    vm.crash(
      text(vm, `its page tables lie at guest-physical ${at}, where there is no memory`, `其页表位于客户机物理地址 ${at}，那里没有内存`),
    );
    return;
  }
  vm.countUnanswered(guestPhysical);
  const value = access.kind === 'write' ? access.value : access.size === 4 ? 0xffff_ffff : access.size === 2 ? 0xffff : 0xff;
  host.log({
    kind: 'unanswered',
    who: vm.id,
    code: access.kind === 'write' ? 'memory-write' : 'memory-read',
    address: { space: 'guest', address: guestPhysical },
    size: access.size,
    value,
    outcome: 'nobody',
  });
  if (access.kind === 'execute') {
    vm.crash(text(vm, `executes at guest-physical ${at}, where there is no memory`, `在客户机物理地址 ${at} 执行指令，而那里没有内存`));
    return;
  }
  complete(vm, access.kind === 'write' ? 'memoryWrite' : 'memoryRead', guestPhysical, access.size, value);
}

function readMsr(vm: Vm, exit: VmExit, host: VmmHost): void {
  const { block } = vm.vcpu;
  const number = block.reg32(ECX);
  const field = number === MSR_EFER ? 'efer' : MSR_FIELDS[number];
  let value: bigint;
  if (number === MSR_TSC) value = BigInt.asUintN(64, BigInt(Math.floor(block.ticks)) + block.read64('tscOffset'));
  else if (field) value = block.read64(field);
  else return injectGeneralProtection(vm);
  block.setReg32(EAX, Number(value & 0xffff_ffffn));
  block.setReg32(EDX, Number(value >> 32n));
  skip(vm, exit, host);
}

function writeMsr(vm: Vm, exit: VmExit, host: VmmHost): void {
  const { block } = vm.vcpu;
  const number = block.reg32(ECX);
  const value = (BigInt(block.reg32(EDX)) << 32n) | BigInt(block.reg32(EAX));
  const field = number === MSR_EFER ? 'efer' : MSR_FIELDS[number];
  if (number === MSR_TSC) block.write('tscOffset', BigInt.asUintN(64, value - BigInt(Math.floor(block.ticks))));
  else if (field === 'efer' && value & ~EFER_NXE) return injectGeneralProtection(vm);
  else if (field) {
    if (field === 'efer' && block.read64('efer') !== value) host.invalidateEpt(vm.translation.pointer);
    block.write(field, value);
  } else return injectGeneralProtection(vm);
  skip(vm, exit, host);
}

function injectGeneralProtection(vm: Vm): void {
  vm.vcpu.block.injectEvent({ vector: GENERAL_PROTECTION, type: EVENT_TYPE.hardwareException, errorCode: 0 });
}
