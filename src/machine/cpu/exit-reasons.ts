/** Why a guest is left: Intel's basic exit reasons and their numbers (SDM vol. 3, appendix C). */
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
