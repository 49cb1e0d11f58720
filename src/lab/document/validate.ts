/**
 * What the schema cannot say: names that must exist somewhere else in the document, and rules between its parts. Pure, never
 * throws, quick enough to run on every edit. Problems carry the document path; `load` adds line and column.
 */
import { PROCESSORS, processorPart } from '../../machine/board/processors';
import { pciTopology, sharedRequesters } from '../../machine/board/topology';
import { formatRequester } from '../../machine/bus/dma-port';
import type { LabFiles, Problem } from '../protocol';
import { boardProblems } from './board-problems';
import { checkFiles } from './files';
import { checkProblems, plotProblems } from './check-problems';
import { error, text, warning } from './problem';
import { programProblems } from './program-problems';
import { References } from './references';
import type { LabDocument } from './schema';

/** The least memory of a VM. */
const MIN_VM_BYTES = 1024 * 1024;

/** Every problem of a well-formed document and its files: cross references, the board's placement rules, file sizes. */
export function validateLab(lab: LabDocument, files: LabFiles): Problem[] {
  const names = new References(lab);
  shape(names);
  virtualization(names);
  isolationGroups(names);
  vmProblems(names, files);
  if (lab.machine) programProblems(names, files, lab.machine.program, 'machine.program');
  lab.checks.forEach((check, index) => checkProblems(names, check, `checks.${index}`));
  lab.plots?.forEach((plot, index) => plotProblems(names, plot, `plots.${index}`));
  if (lab.expect) names.stopKind(lab.expect.stop, 'expect.stop');
  if (lab.limits?.instructions === 0) {
    names.add(
      error(
        'lab-out-of-range',
        text('limits.instructions is 0: nothing could run.', 'limits.instructions 为 0：什么都无法运行。'),
        text('Give at least 1.', '至少写 1。'),
        { path: 'limits.instructions' },
      ),
    );
  }
  return [...names.problems, ...boardProblems(lab.board), ...checkFiles(files)];
}

/** VMs need a processor that can run them; every technique there is rests on EPT. */
function virtualization(names: References): void {
  const { vms, board } = names.lab;
  const part = processorPart(board.processor);
  if (!vms || vms.length === 0 || part === undefined || part.features.includes('virtualization')) return;
  const able = PROCESSORS.filter(({ features }) => features.includes('virtualization')).map(({ id }) => id);
  names.add(
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

function shape(names: References): void {
  const { machine, vmm, vms } = names.lab;
  if (machine && (vmm || vms)) {
    names.add(
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
    names.add(
      error(
        'lab-no-vms',
        text('The lab has a VMM but no VMs.', '实验有 VMM，却没有虚拟机。'),
        text('Add a list "vms", or remove "vmm".', '请加上 “vms” 列表，或删除 “vmm”。'),
        { path: 'vmm' },
      ),
    );
  }
  if (vms && vms.length > 0 && !vmm) {
    names.add(
      error(
        'lab-no-vmm',
        text('The lab has VMs but no VMM to run them.', '实验有虚拟机，却没有运行它们的 VMM。'),
        text('Add "vmm: { translation: ept }".', '请加上 “vmm: { translation: ept }”。'),
        { path: 'vms' },
      ),
    );
  }
  if (!machine && !vms?.length) {
    names.add(
      warning(
        'lab-nothing-to-run',
        text('The lab has no program: only its board can be looked at.', '实验没有程序：只能查看主板。'),
        text('Add "machine.program" or "vms".', '请加上 “machine.program” 或 “vms”。'),
        { path: 'format' },
      ),
    );
  }
}

function vmProblems(names: References, files: LabFiles): void {
  const seen = new Set<string>();
  const owners = new Map<string, string>();
  for (const vm of names.lab.vms ?? []) {
    const path = `vms.${vm.id}`;
    if (seen.has(vm.id)) {
      names.add(
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
      names.add(
        error(
          'lab-vm-memory',
          text(`${vm.id} has ${vm.memory} bytes of memory.`, `${vm.id} 的内存为 ${vm.memory} 字节。`),
          text('Give at least 1 MiB, in whole 4 KiB pages.', '至少 1 MiB，且为 4 KiB 的整数倍。'),
          { path: `${path}.memory`, vm: vm.id },
        ),
      );
    }
    if (vm.program) programProblems(names, files, vm.program, `${path}.program`, vm.id);
    for (const device of vm.passthrough) {
      names.device(device, `${path}.passthrough`, vm.id);
      const owner = owners.get(device);
      if (owner !== undefined && owner !== vm.id) {
        names.add(
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
function isolationGroups(names: References): void {
  const vms = names.lab.vms ?? [];
  if (vms.length < 2 || !names.lab.board.bridges?.length) return;
  for (const { requester, devices } of sharedRequesters(pciTopology(names.lab.board))) {
    const holders = vms.filter(({ passthrough }) => passthrough.some((id) => devices.includes(id)));
    const [first, second] = holders;
    if (!first || !second) continue;
    const id = formatRequester(requester);
    const those = devices.join(', ');
    names.add(
      error(
        'lab-requester-shared',
        text(
          `${those} share the requester ID ${id} of their legacy bridge, so the IOMMU cannot tell them apart; they cannot go to ${first.id} and ${second.id}.`,
          `${those} 共用其传统桥的请求者 ID ${id}，IOMMU 无法区分，因此不能分别分配给 ${first.id} 与 ${second.id}。`,
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
