/**
 * What the schema cannot say: names that must exist somewhere else in the document, and rules between its parts. Pure, never
 * throws, quick enough to run on every edit. Problems carry the document path; `load` adds line and column.
 */
import { PROCESSORS, processorPart } from '../../machine/board/processors';
import { pciTopology, sharedRequesters } from '../../machine/board/topology';
import { formatRequester, parseRequester } from '../../machine/bus/dma-port';
import type { LabFiles, Problem } from '../protocol';
import { boardProblems } from './board-problems';
import { checkFiles } from './files';
import { nearestNames } from './nearest';
import { error, suggestNames, text, warning } from './problem';
import { MOST_POINTS, type Check, type Define, type LabDocument, type Plot, type Program } from './schema';

/** The VMM's parts whose host-physical place a lab may ask for. */
export const VMM_PARTS = ['gdt', 'idt', 'control-block', 'ept', 'ept-leaf', 'iommu-root', 'iommu-context', 'iommu-sl', 'secret'] as const;
/** Short names that stand for the first of several parts. */
export const VMM_PART_ALIASES: Readonly<Record<string, (typeof VMM_PARTS)[number]>> = { iommu: 'iommu-root' };

export const STOP_KINDS = ['halted', 'limit', 'triple-fault', 'boot-refused', 'exit-port', 'paused', 'out-of-memory'] as const;

/** Bytes that the hash of a `memory` check may cover. */
const MOST_HASHED = 64 * 1024 ** 2;
/** The least and most memory of a VM. */
const MIN_VM_BYTES = 1024 * 1024;

/** Bytes that a check may compare: they are kept and read whole. */
const MOST_COMPARED = 256 * 1024 * 1024;

/** A program's files; the first is the one that is loaded or assembled. */
export const programFiles = (program: Program): string[] => {
  const listed = 'files' in program && program.files ? program.files : [];
  return program.file === undefined ? listed : [program.file, ...listed.filter((path) => path !== program.file)];
};

/** The folder's files with the lab's inline ones over them. */
export const allFiles = (document: LabDocument, files: LabFiles): LabFiles => ({ ...files, ...(document.files ?? {}) });

class Validator {
  readonly problems: Problem[] = [];
  private readonly vmIds: string[];
  private readonly deviceIds: string[];
  private readonly slotIds: string[];

  constructor(
    private readonly lab: LabDocument,
    private readonly files: LabFiles,
  ) {
    this.vmIds = (lab.vms ?? []).map(({ id }) => id);
    this.deviceIds = lab.board.devices.map(({ id }) => id);
    this.slotIds = lab.board.slots.map(({ id }) => id);
  }

  run(): Problem[] {
    this.shape();
    this.virtualization();
    this.vms();
    if (this.lab.machine) this.program(this.lab.machine.program, 'machine.program');
    this.lab.checks.forEach((check, index) => this.check(check, `checks.${index}`));
    this.lab.plots?.forEach((plot, index) => this.plot(plot, `plots.${index}`));
    if (this.lab.expect) this.stopKind(this.lab.expect.stop, 'expect.stop');
    if (this.lab.limits?.instructions === 0) {
      this.add(
        error(
          'lab-out-of-range',
          text('limits.instructions is 0: nothing could run.', 'limits.instructions 为 0：什么都无法运行。'),
          text('Give at least 1.', '至少写 1。'),
          { path: 'limits.instructions' },
        ),
      );
    }
    this.problems.push(...boardProblems(this.lab.board), ...checkFiles(this.files));
    return this.problems;
  }

  private add(problem: Problem): void {
    this.problems.push(problem);
  }

  /** VMs need a processor that can run them; every technique there is rests on EPT. */
  private virtualization(): void {
    const { vms, board } = this.lab;
    const part = processorPart(board.processor);
    if (!vms || vms.length === 0 || part === undefined || part.features.includes('virtualization')) return;
    const able = PROCESSORS.filter(({ features }) => features.includes('virtualization')).map(({ id }) => id);
    this.add(
      error(
        'lab-no-virtualization',
        text(
          `The lab has VMs, which run with EPT, but the processor ${part.id} has no virtualization.`,
          `实验中有以 EPT 运行的虚拟机，但处理器 ${part.id} 不支持虚拟化。`,
        ),
        text(`Set board.processor to ${able.join(' or ')}.`, `请将 board.processor 设为 ${able.join(' 或 ')}。`),
        { path: 'board.processor' },
      ),
    );
  }

  private shape(): void {
    const { machine, vmm, vms } = this.lab;
    if (machine && (vmm || vms)) {
      this.add(
        error(
          'lab-machine-and-vms',
          text('The lab has both "machine" (no VMM) and "vms".', '实验同时写了 “machine”（无 VMM）和 “vms”。'),
          text(
            'Keep one: "machine.program" runs on the bare board, "vms" run under the VMM.',
            '请只保留一个：“machine.program” 直接运行在主板上，“vms” 运行在 VMM 之下。',
          ),
          { path: 'machine' },
        ),
      );
    }
    if (vmm && (!vms || vms.length === 0)) {
      this.add(
        error(
          'lab-no-vms',
          text('The lab has a VMM but no VMs.', '实验有 VMM，却没有虚拟机。'),
          text('Add a list "vms", or remove "vmm".', '请加上 “vms” 列表，或删除 “vmm”。'),
          { path: 'vmm' },
        ),
      );
    }
    if (vms && vms.length > 0 && !vmm) {
      this.add(
        error(
          'lab-no-vmm',
          text('The lab has VMs but no VMM to run them.', '实验有虚拟机，却没有运行它们的 VMM。'),
          text('Add "vmm: { translation: ept }".', '请加上 “vmm: { translation: ept }”。'),
          { path: 'vms' },
        ),
      );
    }
    if (!machine && !vms?.length) {
      this.add(
        warning(
          'lab-nothing-to-run',
          text('The lab has no program: only its board can be looked at.', '实验没有程序：只能查看主板。'),
          text('Add "machine.program" or "vms".', '请加上 “machine.program” 或 “vms”。'),
          { path: 'format' },
        ),
      );
    }
  }

  private vms(): void {
    const seen = new Set<string>();
    const owners = new Map<string, string>();
    this.isolationGroups();
    for (const vm of this.lab.vms ?? []) {
      const path = `vms.${vm.id}`;
      if (seen.has(vm.id)) {
        this.add(
          error(
            'lab-duplicate-id',
            text(`Two VMs are called ${vm.id}.`, `有两台虚拟机都叫 ${vm.id}。`),
            text('Give each a name of its own.', '请给每台虚拟机不同的名称。'),
            { path: `${path}.id`, vm: vm.id },
          ),
        );
      }
      seen.add(vm.id);
      if (vm.memory < MIN_VM_BYTES || vm.memory % 4096 !== 0) {
        this.add(
          error(
            'lab-vm-memory',
            text(`${vm.id} has ${vm.memory} bytes of memory.`, `${vm.id} 的内存为 ${vm.memory} 字节。`),
            text('Give at least 1 MiB, in whole 4 KiB pages.', '至少 1 MiB，且为 4 KiB 的整数倍。'),
            { path: `${path}.memory`, vm: vm.id },
          ),
        );
      }
      if (vm.program) this.program(vm.program, `${path}.program`, vm.id);
      for (const device of vm.passthrough) {
        if (!this.deviceIds.includes(device)) this.unknown('device', device, this.deviceIds, `${path}.passthrough`, vm.id);
        const owner = owners.get(device);
        if (owner !== undefined && owner !== vm.id) {
          this.add(
            error(
              'lab-device-shared',
              text(`${device} is given to ${owner} and to ${vm.id}.`, `${device} 同时分配给了 ${owner} 和 ${vm.id}。`),
              text('A device can be passed through to one VM.', '一个设备只能直通给一台虚拟机。'),
              { path: `${path}.passthrough`, vm: vm.id },
            ),
          );
        }
        owners.set(device, vm.id);
      }
    }
  }

  /** Devices that the IOMMU cannot tell apart go to one VM. */
  private isolationGroups(): void {
    const vms = this.lab.vms ?? [];
    if (vms.length < 2 || !this.lab.board.bridges?.length) return;
    for (const { requester, devices } of sharedRequesters(pciTopology(this.lab.board))) {
      const holders = vms.filter(({ passthrough }) => passthrough.some((id) => devices.includes(id)));
      const [first, second] = holders;
      if (!first || !second) continue;
      const id = formatRequester(requester);
      const names = devices.join(', ');
      this.add(
        error(
          'lab-requester-shared',
          text(
            `${names} share the requester ID ${id} of their legacy bridge, so the IOMMU cannot tell them apart; they cannot go to ${first.id} and ${second.id}.`,
            `${names} 共用其传统桥的请求者 ID ${id}，IOMMU 无法区分，因此不能分别分配给 ${first.id} 与 ${second.id}。`,
          ),
          text(
            'Give all of them to one VM, or plug one into a PCI Express port.',
            '请把它们都分配给同一台虚拟机，或将其中一个插入 PCI Express 端口。',
          ),
          { path: `vms.${second.id}.passthrough`, vm: second.id },
        ),
      );
    }
  }

  private unknown(
    what: 'vm' | 'device' | 'slot' | 'part' | 'stop' | 'file',
    name: string,
    known: readonly string[],
    path: string,
    vm?: string,
  ): void {
    const nouns = {
      vm: ['VM', '虚拟机'],
      device: ['device', '设备'],
      slot: ['slot', '插槽'],
      part: ['part of the VMM', 'VMM 的部分'],
      stop: ['kind of stop', '停止方式'],
      file: ['file', '文件'],
    } as const;
    const [en, zh] = nouns[what];
    this.add(
      error(
        `lab-unknown-${what}`,
        text(`There is no ${en} "${name}".`, `没有名为 “${name}” 的${zh}。`),
        suggestNames(nearestNames(name, known)),
        { path, ...(vm ? { vm } : {}) },
      ),
    );
  }

  private vm(id: string, path: string): void {
    if (!this.vmIds.includes(id)) this.unknown('vm', id, this.vmIds, path);
  }

  /** `guest` and `linear` need a VM when there are several machines to mean. */
  private place(place: { space: string; vm?: string | undefined }, path: string): void {
    if (place.vm !== undefined) this.vm(place.vm, `${path}.vm`);
    else if (place.space !== 'host' && this.vmIds.length > 0) {
      this.add(
        error(
          'lab-missing-key',
          text(
            `${path} does not say whose ${place.space} address it means.`,
            `${path} 没有说明是哪台虚拟机的${place.space === 'guest' ? '客户机物理' : '线性'}地址。`,
          ),
          text('Add "vm".', '请加上 “vm”。'),
          { path },
        ),
      );
    }
  }

  private plot({ from, points }: Plot, path: string): void {
    this.place(from, `${path}.from`);
    if (points >= 1 && points <= MOST_POINTS) return;
    this.add(
      error(
        'lab-invalid-value',
        text(`${path} has ${points} points.`, `${path} 有 ${points} 个点。`),
        text(`A plot has 1 to ${MOST_POINTS} points.`, `一幅图有 1 到 ${MOST_POINTS} 个点。`),
        { path: `${path}.points` },
      ),
    );
  }

  private stopKind(stop: string, path: string): void {
    if (!(STOP_KINDS as readonly string[]).includes(stop)) this.unknown('stop', stop, STOP_KINDS, path);
  }

  private part(name: string, path: string): void {
    if (!(VMM_PARTS as readonly string[]).includes(name) && !Object.hasOwn(VMM_PART_ALIASES, name))
      this.unknown('part', name, VMM_PARTS, path);
  }

  private define(name: string, define: Define, path: string): void {
    if (!/^[A-Za-z_.?][A-Za-z0-9_$#@~.?]{0,63}$/.test(name)) {
      this.add(
        error(
          'lab-invalid-value',
          text(`"${name}" cannot be a symbol of the assembler.`, `“${name}” 不能作为汇编符号。`),
          text('Use letters, digits and _.', '请使用字母、数字和 _。'),
          { path },
        ),
      );
    }
    if (typeof define === 'number') return;
    if ('frameOf' in define) {
      this.vm(define.frameOf, `${path}.frameOf`);
      const target = this.lab.vms?.find(({ id }) => id === define.frameOf);
      if (target && define.gpa >= target.memory) {
        this.add(
          error(
            'lab-out-of-range',
            text(
              `${path}: ${define.frameOf} has no guest-physical address 0x${define.gpa.toString(16)}.`,
              `${path}：${define.frameOf} 没有客户机物理地址 0x${define.gpa.toString(16)}。`,
            ),
            text('Choose an address below its memory size.', '请选择小于其内存大小的地址。'),
            { path },
          ),
        );
      }
    } else if ('vmmPart' in define) {
      this.part(define.vmmPart, `${path}.vmmPart`);
      if (define.vm !== undefined) this.vm(define.vm, `${path}.vm`);
      if (!this.lab.vmm)
        this.add(
          error(
            'lab-no-vmm',
            text(`${path} means a part of the VMM, but the lab has none.`, `${path} 指的是 VMM 的一部分，但实验没有 VMM。`),
            text('Add "vmm" and "vms".', '请加上 “vmm” 和 “vms”。'),
            { path },
          ),
        );
    } else if (!this.deviceIds.includes(define.barOf)) this.unknown('device', define.barOf, this.deviceIds, `${path}.barOf`);
  }

  private program(program: Program, path: string, vm?: string): void {
    const paths = programFiles(program);
    const available = allFiles(this.lab, this.files);
    if (paths.length === 0) {
      this.add(
        error('lab-missing-key', text(`${path} names no file.`, `${path} 没有写文件。`), text('Add "file".', '请加上 “file”。'), {
          path,
          ...(vm ? { vm } : {}),
        }),
      );
    }
    for (const file of paths) {
      if (Object.hasOwn(available, file)) continue;
      const remedy =
        suggestNames(nearestNames(file, Object.keys(available))) ??
        text(`Put ${file} beside the lab file.`, `请把 ${file} 放在实验文件旁边。`);
      this.add(
        error('lab-missing-program', text(`The program ${file} is not in the lab's folder.`, `实验文件夹中没有程序 ${file}。`), remedy, {
          path: `${path}${this.isShort(program) ? '' : '.file'}`,
          ...(vm ? { vm } : {}),
        }),
      );
    }
    if ('defines' in program)
      for (const [name, define] of Object.entries(program.defines ?? {})) this.define(name, define, `${path}.defines.${name}`);
  }

  private isShort(program: Program): boolean {
    return Object.keys(program).length === 1 && program.file !== undefined;
  }

  /** `reads`: the range is read byte by byte, so it must not be huge. */
  private range(range: { vm?: string | undefined; vmmPart?: string | undefined; bytes: number }, path: string, reads = true): void {
    if (range.vm !== undefined) this.vm(range.vm, `${path}.vm`);
    if (range.vmmPart !== undefined) this.part(range.vmmPart, `${path}.vmmPart`);
    if (range.bytes === 0)
      this.add(
        error('lab-out-of-range', text(`${path} is empty.`, `${path} 是空的。`), text('Give at least 1 byte.', '至少写 1 字节。'), {
          path: `${path}.bytes`,
        }),
      );
    if (reads && range.bytes > MOST_COMPARED)
      this.add(
        error(
          'lab-out-of-range',
          text(`${path} has more than 256 MiB.`, `${path} 超过 256 MiB。`),
          text('Check a smaller range.', '请检查较小的范围。'),
          { path: `${path}.bytes` },
        ),
      );
  }

  private check(check: Check, path: string): void {
    if ('memory' in check) {
      this.place(check.memory.at, `${path}.memory.at`);
      if (check.memory.equals === undefined && check.memory.sha256 === undefined) {
        this.add(
          error(
            'lab-missing-key',
            text(`${path}.memory says neither "equals" nor "sha256".`, `${path}.memory 既没有 “equals” 也没有 “sha256”。`),
            text('Say what the bytes must be.', '请写明字节应为什么。'),
            { path: `${path}.memory` },
          ),
        );
      }
      const { bytes, equals } = check.memory;
      if (bytes !== undefined && (bytes < 1 || bytes > MOST_HASHED || equals !== undefined)) {
        this.add(
          error(
            'lab-invalid-value',
            text(`${path}.memory.bytes is ${bytes}.`, `${path}.memory.bytes 为 ${bytes}。`),
            text(
              'It says how many bytes "sha256" covers, 1 to 64 MiB; "equals" has its own length.',
              '它表示 “sha256” 覆盖的字节数，1 字节到 64 MiB；“equals” 自有长度。',
            ),
            { path: `${path}.memory.bytes` },
          ),
        );
      }
    } else if ('unchanged' in check) this.range(check.unchanged.range, `${path}.unchanged.range`);
    else if ('located' in check) {
      if (!this.slotIds.includes(check.located.slot)) this.unknown('slot', check.located.slot, this.slotIds, `${path}.located.slot`);
    } else if ('differs' in check) check.differs.frames.forEach(({ vm }, index) => this.vm(vm, `${path}.differs.frames.${index}.vm`));
    else if ('contiguous' in check) this.range(check.contiguous.range, `${path}.contiguous.range`, false);
    else if ('serial' in check) {
      if (check.serial.vm !== undefined) this.vm(check.serial.vm, `${path}.serial.vm`);
      if (check.serial.contains === undefined && check.serial.equals === undefined) {
        this.add(
          error(
            'lab-missing-key',
            text(`${path}.serial says neither "contains" nor "equals".`, `${path}.serial 既没有 “contains” 也没有 “equals”。`),
            text('Say what the output must be.', '请写明输出应为什么。'),
            { path: `${path}.serial` },
          ),
        );
      }
    } else if ('exits' in check) this.vm(check.exits.vm, `${path}.exits.vm`);
    else if ('exception' in check) {
      if (check.exception.vm !== undefined) this.vm(check.exception.vm, `${path}.exception.vm`);
    } else if ('faults' in check) {
      if (parseRequester(check.faults.requester) === undefined) {
        this.add(
          error(
            'lab-invalid-value',
            text(`"${check.faults.requester}" is no requester ID.`, `“${check.faults.requester}” 不是请求者 ID。`),
            text('Write bus, device and function, as 00:04.0.', '请写总线、设备和功能号，如 00:04.0。'),
            { path: `${path}.faults.requester` },
          ),
        );
      }
    } else if ('dram' in check) {
      if (check.dram.slot !== undefined && !this.slotIds.includes(check.dram.slot))
        this.unknown('slot', check.dram.slot, this.slotIds, `${path}.dram.slot`);
    } else if ('instructions' in check) {
      if (check.instructions.vm !== undefined) this.vm(check.instructions.vm, `${path}.instructions.vm`);
    } else if ('stop' in check) this.stopKind(check.stop, `${path}.stop`);
  }
}

/** Every problem of a well-formed document and its files: cross references, the board's placement rules, file sizes. */
export const validateLab = (lab: LabDocument, files: LabFiles): Problem[] => new Validator(lab, files).run();
