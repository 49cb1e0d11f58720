/**
 * The small drawings on the cards of shipped labs, as data: boxes, lines and words on a sheet of 290 × 96. Colours are those of the
 * spaces and states, so a drawing says what it is about. No language: what is written is a name, a number or a sign.
 */
export type Tone =
  'logical' | 'linear' | 'guest' | 'host' | 'dram' | 'iova' | 'plain' | 'hole' | 'held' | 'warning' | 'breached' | 'vm1' | 'vm2';

export type Shape =
  | { kind: 'box'; x: number; y: number; width: number; height: number; tone: Tone; label?: string; pale?: boolean; dashed?: boolean }
  | { kind: 'line'; path: string; tone: Tone; arrow?: boolean; dashed?: boolean }
  | { kind: 'text'; x: number; y: number; tone: Tone; text: string; anchor?: 'start' | 'middle' | 'end' };

const box = (x: number, y: number, width: number, height: number, tone: Tone, label?: string, more: { pale?: boolean; dashed?: boolean } = {}): Shape =>
  ({ kind: 'box', x, y, width, height, tone, ...(label === undefined ? {} : { label }), ...more }); // prettier-ignore
const line = (path: string, tone: Tone = 'plain', more: { arrow?: boolean; dashed?: boolean } = {}): Shape => ({
  kind: 'line',
  path,
  tone,
  ...more,
});
const arrow = (path: string, tone: Tone = 'plain'): Shape => line(path, tone, { arrow: true });
const text = (x: number, y: number, value: string, tone: Tone = 'plain', anchor: 'start' | 'middle' | 'end' = 'middle'): Shape =>
  ({ kind: 'text', x, y, tone, text: value, anchor }); // prettier-ignore
/** `count` boxes in a row. */
const row = (count: number, x: number, y: number, width: number, height: number, gap: number, tone: (index: number) => Tone, label?: (index: number) => string): Shape[] =>
  Array.from({ length: count }, (_, index) => box(x + index * (width + gap), y, width, height, tone(index), label?.(index))); // prettier-ignore

export const LAB_ART: Readonly<Record<string, readonly Shape[]>> = {
  'real-mode-20-bits': [
    box(36, 18, 66, 20, 'logical', 'FFFF'), text(125, 32, '×16 +'), box(148, 18, 66, 20, 'logical', '0610'),
    arrow('M125 40V52', 'linear'),
    ...row(21, 38, 56, 9, 18, 1, (index) => (index === 0 ? 'warning' : 'linear')),
    text(42, 88, 'A20', 'warning'), text(257, 88, 'A0', 'linear', 'end'),
  ],
  'ldt-flow': [
    ...row(4, 36, 20, 18, 15, 0, (index) => (index === 3 ? 'linear' : 'plain')), text(72, 50, 'GDT'),
    arrow('M100 36C100 66 128 56 138 56', 'linear'),
    ...row(3, 142, 48, 18, 15, 0, () => 'linear'), text(169, 78, 'LDT', 'linear'),
    arrow('M151 46V30H206', 'logical'), box(210, 20, 44, 16, 'logical', 'CS'), arrow('M187 63V80H206', 'logical'), box(210, 68, 44, 16, 'logical', 'DS'),
    arrow('M198 56H206', 'logical'), box(210, 44, 44, 16, 'logical', 'SS'),
  ],
  'rings-and-gates': [
    box(36, 20, 92, 56, 'plain', undefined, { pale: true }), text(82, 36, 'ring 3'),
    box(162, 20, 92, 56, 'held', undefined, { pale: true }), text(208, 36, 'ring 0', 'held'),
    box(137, 40, 16, 26, 'linear', undefined), arrow('M100 52H158', 'linear'),
    line('M60 66H112', 'breached', { dashed: true }), text(119, 70, '×', 'breached'),
    box(180, 48, 56, 16, 'logical', 'SS0'),
  ],
  'two-processes': [
    box(36, 16, 70, 16, 'linear', '40_0000'), box(36, 64, 70, 16, 'linear', '40_0000'),
    arrow('M108 24C150 24 150 30 182 30', 'vm1'), arrow('M108 72C150 72 150 66 182 66', 'vm2'),
    ...row(1, 186, 22, 66, 16, 0, () => 'vm1'), ...row(1, 186, 58, 66, 16, 0, () => 'vm2'),
    text(71, 46, 'CR3', 'plain'), text(71, 58, '⇅', 'plain'),
  ],
  'demand-paging': [
    ...row(8, 36, 22, 26, 18, 1, (index) => (index === 2 || index === 5 ? 'linear' : 'hole')),
    arrow('M103 42V58', 'breached'), text(118, 54, '#PF', 'breached', 'start'), arrow('M184 42V58', 'breached'),
    box(90, 62, 26, 16, 'host'), box(171, 62, 26, 16, 'host'),
  ],
  'stale-tlb': [
    box(36, 18, 78, 20, 'linear', 'TLB'), box(36, 58, 78, 20, 'plain', 'PTE'),
    arrow('M116 28H190', 'linear'), box(194, 18, 60, 20, 'host', 'old'),
    line('M116 68H186', 'plain', { dashed: true }), box(194, 58, 60, 20, 'host', 'new', { pale: true, dashed: true }), text(152, 56, '≠', 'warning'),
  ],
  'tlb-size': [
    ...row(16, 36, 18, 12, 14, 1.6, (index) => (index > 11 ? 'linear' : 'plain')),
    box(200, 46, 52, 12, 'linear', undefined), text(192, 56, '4', 'linear', 'end'),
    ...row(16, 36, 68, 12, 14, 1.6, () => 'linear'), text(262, 79, '64', 'linear', 'start'),
    line('M200 46L200 34M252 46L252 34', 'linear', { dashed: true }),
  ],
  'pae-and-large-pages': [
    box(36, 20, 34, 18, 'linear', '2'), box(72, 20, 60, 18, 'linear', '9'), box(134, 20, 120, 18, 'linear', '21'),
    arrow('M194 40V54', 'host'), box(134, 58, 120, 20, 'host', '2 MiB'),
    box(36, 58, 20, 20, 'host'), box(58, 58, 20, 20, 'host'), box(80, 58, 20, 20, 'breached', 'NX'),
  ],
  'bios-assigns': [
    ...['1', '½', '1', '¼'].map((size, index) => box(38 + index * 54, 14, 46, 16, 'dram', size)),
    ...[0, 1, 2, 3].map((index) => arrow(`M${61 + index * 54} 32L${[66, 124, 176, 230][index]!} 56`, 'host')),
    box(36, 60, 74, 18, 'host'), box(110, 60, 37, 18, 'host'), box(147, 60, 74, 18, 'host'), box(221, 60, 19, 18, 'host'), text(36, 91, '0', 'host', 'start'),
  ],
  'empty-first-slot': [
    box(40, 26, 48, 22, 'hole', undefined, { dashed: true }), box(94, 26, 48, 22, 'dram', 'A2'), box(148, 26, 48, 22, 'dram', 'B1'), box(202, 26, 48, 22, 'dram', 'B2'),
    text(64, 42, '–'), arrow('M64 72V52', 'breached'), text(64, 86, '0x10_0000', 'host'),
  ],
  'the-hole-below-4g': [
    box(36, 30, 96, 22, 'dram', undefined), box(134, 30, 44, 22, 'hole', undefined), box(180, 30, 74, 22, 'dram', undefined),
    text(156, 22, 'PCI'), arrow('M156 56C156 80 210 80 214 56', 'dram'), text(180, 88, '4 GiB', 'host'),
  ],
  'overlapping-windows': [
    box(122, 10, 46, 74, 'breached', undefined, { pale: true, dashed: true }),
    box(44, 22, 124, 22, 'dram', 'A1'), box(122, 50, 124, 22, 'dram', 'B1'), text(182, 38, '&', 'breached'),
  ],
  'contiguous-dma': [
    box(38, 36, 44, 24, 'iova', 'dma'), arrow('M84 48H116', 'iova'),
    ...row(8, 120, 40, 16, 16, 0, (index) => (index < 5 ? 'host' : 'plain')), line('M120 66H200', 'host'), text(160, 80, '1', 'host'),
  ],
  'scatter-gather': [
    box(38, 36, 44, 24, 'iova', 'dma'), ...row(3, 96, 26, 22, 14, -22, () => 'iova'),
    box(96, 42, 22, 12, 'iova'), box(96, 56, 22, 12, 'iova'),
    arrow('M120 33C150 33 150 24 176 24', 'iova'), arrow('M120 48H214', 'iova'), arrow('M120 62C150 62 150 76 158 76', 'iova'),
    box(180, 17, 26, 14, 'host'), box(218, 41, 26, 14, 'host'), box(162, 69, 26, 14, 'host'),
  ],
  'rows-and-banks': [
    ...[0, 1, 2, 3].flatMap((bank) => [box(40 + bank * 55, 16, 44, 60, 'dram', undefined, { pale: true }), box(40 + bank * 55, [26, 44, 60, 34][bank]!, 44, 8, 'dram')]),
    text(145, 90, '4 × bank', 'dram'),
  ],
  'two-channels': [
    box(36, 36, 46, 24, 'plain', 'CPU'), arrow('M84 44C110 44 110 26 134 26', 'host'), arrow('M84 52C110 52 110 70 134 70', 'host'),
    ...row(6, 138, 17, 18, 18, 2, (index) => (index % 2 ? 'plain' : 'dram')), ...row(6, 138, 61, 18, 18, 2, (index) => (index % 2 ? 'dram' : 'plain')),
  ],
  'row-hammer': [
    box(56, 14, 178, 12, 'dram', undefined, { pale: true }), box(56, 30, 178, 12, 'warning'), box(56, 46, 178, 12, 'dram', undefined, { pale: true }),
    box(56, 62, 178, 12, 'warning'), box(138, 46, 14, 12, 'breached', undefined), arrow('M40 36H52', 'warning'), arrow('M40 68H52', 'warning'), text(145, 90, '0 → 1', 'breached'),
  ],
}; // prettier-ignore
