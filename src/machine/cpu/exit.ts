/** What leaving a guest tells the VMM: the reason, and the fields that go with it. */
import type { ExitReason } from './exit-reasons';

export interface VmExit {
  reason: ExitReason;
  /** format by reason, SDM vol. 3, 28.2.1 */
  qualification: bigint;
  guestPhysical: number;
  guestLinear: bigint;
  /** bytes; 0 when the exit is not due to an instruction */
  instructionLength: number;
  interruption: { information: number; errorCode: number };
  /**
   * For I/O and for EPT violations that touch an emulated device: what the instruction wants done. The VMM does it and
   * enters again with the value as a completion; the instruction is then executed again and finds its access done.
   */
  access?: { kind: 'read' | 'write' | 'execute'; size: 1 | 2 | 4; value: number };
  /** `entry-failure-guest-state` only: which check the control block failed, for people */
  detail?: { en: string; 'zh-CN': string };
}
