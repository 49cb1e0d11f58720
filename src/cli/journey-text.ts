/** A Journey as aligned text: every step with its room, the entry it read, the fields, the checks; the end down to the DRAM cell. */
import { text, type Text } from '../lab/document/problem';
import type { Language } from '../lab/protocol';
import { formatAddress, type Space } from '../machine/address';
import type { Cell, FieldValue, Journey, JourneyEnd, JourneyStep, Place, Room } from '../machine/journey/journey';
import { columns } from './columns';
import { RULES } from './rule-texts';

const ROOMS: Record<Room, Text> = {
  segmentation: text('segmentation', '分段'),
  paging: text('paging', '分页'),
  tlb: text('TLB', 'TLB'),
  ept: text('EPT', 'EPT'),
  'vmm-map': text('VMM map', 'VMM 映射'),
  iommu: text('IOMMU', 'IOMMU'),
  bus: text('bus', '总线'),
  chipset: text('chipset', '芯片组'),
  'memory-controller': text('memory controller', '内存控制器'),
};

const SPACES: Record<Space, Text> = {
  logical: text('logical', '逻辑'),
  linear: text('linear', '线性'),
  guest: text('guest-physical', '客户机物理'),
  host: text('host-physical', '宿主机物理'),
  dram: text('DRAM', 'DRAM'),
  iova: text('I/O virtual', 'I/O 虚拟'),
};

const KINDS = { read: text('read', '读'), write: text('write', '写'), execute: text('execute', '执行') } as const;

function place(at: Place, language: Language): string {
  const segment =
    at.segment === undefined
      ? ''
      : `${at.segment}${at.selector === undefined ? '' : `=${at.selector.toString(16).toUpperCase().padStart(4, '0')}`}:`;
  return `${SPACES[at.space][language]} ${segment}${formatAddress(at.address)}`;
}

/** English: `1 byte`, `2 bytes`. */
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const hexBytes = (bytes: Uint8Array, limit = 32): string =>
  Array.from(bytes.subarray(0, limit), (byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ') +
  (bytes.length > limit ? ' …' : '');

/** Flags by their bit's name are 0 or 1, as the manuals print them; other numbers that are addresses are grouped. */
function fieldText(name: string, value: FieldValue): string {
  if (typeof value === 'boolean') return `${name}=${value ? 1 : 0}`;
  if (typeof value === 'string') return `${name}=${value}`;
  const decimal = /index|entries|count|rank|bank|row|column|channel|byte|level|bits|size|dpl|rpl|cpl|type|domain/i.test(name) || value < 10;
  return `${name}=${decimal ? value : formatAddress(value, 4)}`;
}

export function cellText(cell: Cell, language: Language): string {
  const parts: [Text, number | string, boolean][] = [
    [text('slot', '插槽'), cell.slot, true],
    [text('channel', '通道'), cell.channel, cell.channel > 0],
    [text('subchannel', '子通道'), cell.subchannel, cell.subchannel > 0],
    [text('rank', 'rank'), cell.rank, true],
    [text('bank group', 'bank 组'), cell.bankGroup, cell.bankGroup > 0],
    [text('bank', 'bank'), cell.bank, true],
    [text('row', '行'), cell.row, true],
    [text('column', '列'), cell.column, true],
    [text('byte', '字节'), cell.byte, true],
  ];
  return parts
    .filter(([, , shown]) => shown)
    .map(([name, value]) => `${name[language]} ${value}`)
    .join(', ');
}

function stepRows(step: JourneyStep, number: number, language: Language): string[] {
  const index = step.index === undefined ? '' : ` [${step.index}]`;
  const cached = step.cached ? (language === 'en' ? ' (cached)' : '（来自缓存）') : '';
  const to = step.to ? ` → ${place(step.to, language)}` : '';
  const lines = [
    `${String(number).padStart(2)}  ${ROOMS[step.room][language]}: ${step.structure}${index}${cached}`,
    `      ${place(step.from, language)}${to}`,
  ];
  const details: string[][] = [];
  if (step.entryAddress) {
    const host =
      step.entryHostAddress !== undefined && step.entryAddress.space !== 'host'
        ? `, ${SPACES.host[language]} ${formatAddress(step.entryHostAddress)}`
        : '';
    details.push([language === 'en' ? 'entry at' : '表项位于', place(step.entryAddress, language) + host]);
  }
  if (step.entryCell) details.push([language === 'en' ? 'entry in' : '表项所在', cellText(step.entryCell, language)]);
  if (step.entryBytes) details.push([language === 'en' ? 'bytes' : '字节', hexBytes(step.entryBytes)]);
  const fields = Object.entries(step.fields);
  if (fields.length > 0)
    details.push([language === 'en' ? 'fields' : '字段', fields.map(([name, value]) => fieldText(name, value)).join('  ')]);
  for (const { rule, passed, detail } of step.checks) {
    details.push([
      language === 'en' ? 'check' : '检查',
      `${passed ? '✓' : '✗'} ${RULES[rule]?.[language] ?? rule}${detail === undefined ? '' : `: ${detail}`}`,
    ]);
  }
  if (details.length > 0) lines.push(columns(details, '      ').trimEnd());
  return lines;
}

function endLines(end: JourneyEnd, language: Language): string[] {
  const en = language === 'en';
  switch (end.kind) {
    case 'dram': {
      const lines = [
        `=>  DRAM: ${cellText(end.cell, language)}`,
        `      ${SPACES.host[language]} ${formatAddress(end.hostAddress)}${end.owner === undefined ? '' : `, ${en ? 'owner' : '所有者'} ${end.owner}`}`,
      ];
      if (end.value) lines.push(`      ${en ? 'value' : '值'} ${hexBytes(end.value)}`);
      return lines;
    }
    case 'register':
      return [
        `=>  ${en ? 'device register' : '设备寄存器'}: ${end.device} ${end.region}+${formatAddress(end.offset, 4)}`,
        `      ${SPACES.host[language]} ${formatAddress(end.hostAddress)}`,
      ];
    case 'nobody':
      return [
        `=>  ${en ? 'nobody answers: reads all ones' : '无人应答：读出全 1'}`,
        `      ${SPACES.host[language]} ${formatAddress(end.hostAddress)}`,
      ];
    case 'fault': {
      const { name, vector, errorCode, cr2, qualification, reason } = end.fault;
      const parts = [
        vector === undefined ? '' : `${en ? 'vector' : '向量'} ${vector}`,
        errorCode === undefined ? '' : `${en ? 'error code' : '错误码'} 0x${errorCode.toString(16).toUpperCase()}`,
        cr2 === undefined ? '' : `CR2 ${formatAddress(cr2)}`,
        qualification === undefined ? '' : `${en ? 'qualification' : '限定信息'} 0x${qualification.toString(16).toUpperCase()}`,
        reason === undefined ? '' : `${en ? 'reason' : '原因'} ${reason}`,
      ].filter(Boolean);
      return [`=>  ${en ? 'fault' : '故障'}: ${name}${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`];
    }
  }
}

/** The whole walk, ending in a newline. */
export function journeyText({ access, steps, end, rest }: Journey, language: Language): string {
  const en = language === 'en';
  const who =
    access.vm !== undefined
      ? en
        ? ` of ${access.vm}`
        : `（${access.vm}）`
      : access.requester !== undefined
        ? en
          ? ` by ${access.requester}`
          : `（${access.requester}）`
        : '';
  const cpl = access.cpl === undefined ? '' : `${language === 'en' ? ', ' : '，'}CPL ${access.cpl}`;
  const head = en
    ? `${KINDS[access.kind].en} ${counted(access.size, 'byte')} at ${SPACES[access.space].en} ${formatAddress(access.address)}${who}${cpl}, after ${counted(access.at, 'instruction')}`
    : `${KINDS[access.kind]['zh-CN']} ${access.size} 字节，${SPACES[access.space]['zh-CN']}地址 ${formatAddress(access.address)}${who}${cpl}，执行 ${access.at} 条指令之后`;
  const lines = [head, ...(access.instruction === undefined ? [] : [`      ${access.instruction}`]), ''];
  steps.forEach((step, index) => lines.push(...stepRows(step, index + 1, language)));
  lines.push(...endLines(end, language));
  const more = rest ? '\n' + text('The rest is on the next page: ', '其余字节在下一页：')[language] + journeyText(rest, language) : '';
  return lines.join('\n') + '\n' + more;
}
