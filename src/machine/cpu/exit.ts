/** What leaving a guest tells the VMM: Intel's basic exit reasons (SDM vol. 3, appendix C) and the fields that go with them. */

export const EXIT_REASON = {
  'exception-or-nmi': 0,
  'external-interrupt': 1,
  'triple-fault': 2,
  'interrupt-window': 7,
  cpuid: 10,
  hlt: 12,
  invlpg: 14,
  rdtsc: 16,
  vmcall: 18,
  'cr-access': 28,
  'dr-access': 29,
  'io-instruction': 30,
  rdmsr: 31,
  wrmsr: 32,
  'entry-failure-guest-state': 33,
  'ept-violation': 48,
  'ept-misconfiguration': 49,
  'preemption-timer': 52,
} as const;

export type ExitReason = keyof typeof EXIT_REASON;

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
