/** Attack and defence at a glance: targets before and after, who was stopped and by what, and what the VMM found damaged. */
import { formatAddress } from '../../machine/address';
import { formatRequester } from '../../machine/bus/dma-port';
import { IOMMU_BASE } from '../../machine/iommu/registers';
import { countDifferences, firstDifference } from '../checks/bytes';
import type { CheckContext, Range } from '../checks/context';
import { rangePieces } from '../checks/pieces';
import { text, type Text } from '../document/problem';
import type { FaultRecord, IsolationView, RangeComparison } from '../protocol';
import { watchedRanges, type Evidence } from './evidence';
import { ownerOf, type System } from './system';
import { faultReason } from './transaction-texts';

const WINDOW_BYTES = 64;

function rangeName({ vm, vmmPart, from }: Range): Text {
  if (vmmPart !== undefined) {
    const whose = vm === undefined ? text('', '') : text(` of ${vm}`, `（${vm}）`);
    return text(`the VMM's ${vmmPart}${whose.en}`, `VMM 的 ${vmmPart}${whose['zh-CN']}`);
  }
  const at = formatAddress(from);
  return vm === undefined ? text(`host memory at ${at}`, `宿主机内存 ${at}`) : text(`${vm}'s memory at ${at}`, `${vm} 的内存 ${at}`);
}

function comparison(system: System, context: CheckContext, range: Range): RangeComparison | null {
  const pieces = rangePieces(context, range);
  const before = context.before(range);
  if (!pieces || !before) return null;
  const after = new Uint8Array(before.length);
  let at = 0;
  for (const { host, bytes } of pieces) {
    if (host !== null) after.set(context.readHost(host, bytes), at);
    at += bytes;
  }
  const first = firstDifference(before, after);
  // the row of 16 in which the first change lies comes first
  const start = first < 0 ? 0 : Math.max(0, Math.min(first - (first % 16), Math.max(0, before.length - WINDOW_BYTES)));
  const base = pieces[0]?.host ?? 0;
  return {
    name: rangeName(range),
    ...(range.vm !== undefined ? { vm: range.vm } : {}),
    owner: ownerOf(system, base),
    host: base,
    bytes: before.length,
    windowBase: base + start,
    before: before.slice(start, start + WINDOW_BYTES),
    after: after.slice(start, start + WINDOW_BYTES),
    changedBytes: first < 0 ? 0 : countDifferences(before, after),
  };
}

/** Reasons with how often each, as words: `no write permission (reason 5) × 2`. */
function stoppedBy(faults: readonly FaultRecord[]): Text {
  const counts = new Map<number, number>();
  for (const { reason } of faults) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const list = [...counts].map(([reason, count]) => {
    const named = faultReason(reason);
    return text(`${named.en} × ${count}`, `${named['zh-CN']} × ${count}`);
  });
  return text(list.map(({ en }) => en).join(', '), list.map((item) => item['zh-CN']).join('、'));
}

function judgement(
  targets: readonly RangeComparison[],
  faults: readonly FaultRecord[],
  requests: number,
  running: boolean,
): Pick<IsolationView, 'verdict' | 'explanation'> {
  const hit = targets.filter(({ changedBytes }) => changedBytes > 0);
  if (requests > 0 && hit.length > 0) {
    const en = hit.map(({ name, changedBytes }) => `${changedBytes} bytes of ${name.en}`).join(', ');
    const zh = hit.map(({ name, changedBytes }) => `${name['zh-CN']}的 ${changedBytes} 字节`).join('、');
    return { verdict: 'breached', explanation: text(`Overwritten by DMA: ${en}.`, `被 DMA 改写：${zh}。`) };
  }
  if (running) return { verdict: 'running', explanation: text('The attack is running.', '攻击正在运行。') };
  if (requests === 0) return { verdict: 'not-run', explanation: text('No device has accessed memory yet.', '尚无设备访问内存。') };
  return {
    verdict: 'held',
    explanation:
      faults.length > 0
        ? text(
            `The IOMMU stopped ${faults.length} of ${requests} requests: ${stoppedBy(faults).en}.`,
            `IOMMU 拦截了 ${requests} 个请求中的 ${faults.length} 个：${stoppedBy(faults)['zh-CN']}。`,
          )
        : text(`${requests} DMA requests were made, and no target changed.`, `共有 ${requests} 个 DMA 请求，所有目标均未改变。`),
  };
}

export function isolationView(system: System, context: CheckContext, evidence: Evidence, running: boolean): IsolationView {
  const { machine, vmm, document } = system;
  const { topology } = machine.pciTree;
  const faults = [...context.faults];
  const targets = watchedRanges(document.checks).flatMap((range) => comparison(system, context, range) ?? []);
  return {
    iommu: { present: machine.iommu !== undefined, enabled: machine.iommu?.enabled ?? false, base: machine.iommu ? IOMMU_BASE : null },
    devices: document.board.devices.flatMap(({ id, kind }) => {
      const place = topology.devices.get(id);
      if (!place) return [];
      return {
        id,
        kind,
        requester: formatRequester(place.dmaRequester),
        path: place.path.map((port) => port.id),
        sharedWith: [...topology.devices.values()]
          .filter((other) => other !== place && other.dmaRequester === place.dmaRequester)
          .map((other) => other.id),
        assignedTo: vmm?.vms.find(({ options }) => options.passthrough.includes(id))?.id ?? null,
        bar: machine.barOf(id) ?? null,
      };
    }),
    ...judgement(targets, faults, evidence.dmaRequests, running),
    targets,
    faults,
    damage: (vmm?.damage ?? []).map(({ at, text: words }) => ({ at, text: words })),
    journey: evidence.journey,
  };
}
