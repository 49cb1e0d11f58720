/** Running the attack from its beginning, and the switch of the IOMMU, which is a change of the board and so needs a new start. */
import { computed } from 'vue';
import { useControl } from '../../stores/control';
import { useDocument } from '../../stores/document';
import { useSession } from '../../stores/session';

export function useAttack() {
  const lab = useDocument();
  const session = useSession();
  const control = useControl();

  const attacker = computed(() => lab.document?.vms?.find((vm) => vm.passthrough.length > 0) ?? null);
  const device = computed(() => attacker.value?.passthrough[0] ?? null);
  const present = computed(() => lab.document?.board.iommu?.present ?? false);
  const enabled = computed(() => lab.document?.board.iommu?.enabled ?? false);
  const canRun = computed(
    () => device.value !== null && session.connection === 'ready' && lab.runnable && !session.running && !control.busy,
  );

  /** Power off and on with the board as it is now, then full speed until it ends. */
  async function run(): Promise<void> {
    await control.reset();
    // refused: the problems say why
    if (session.problems.some((problem) => problem.severity === 'error')) return;
    await session.commands.run().catch(() => undefined);
  }
  /** One undo step in the document; what runs now is switched off first and stands ready again at its first instruction. */
  async function setIommu(on: boolean): Promise<void> {
    const wasOn = session.poweredOn;
    const outcome = lab.patch([{ op: 'set', path: ['board', 'iommu', 'enabled'], value: on }], {
      en: on ? 'Switch the IOMMU on' : 'Switch the IOMMU off',
      'zh-CN': on ? '打开 IOMMU' : '关闭 IOMMU',
    });
    if (outcome.applied && wasOn) await control.reset();
  }
  return { attacker, device, present, enabled, canRun, run, setIommu };
}
