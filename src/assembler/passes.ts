/**
 * The passes over a program: each one places every statement with the addresses of the pass before, until nothing moves. So
 * jumps become as short as they can be, and symbols may be used before they are defined.
 */
import { dataBytes, type DataScope } from './data-bytes';
import { AssemblyError, DiagnosticList, type Place } from './diagnostics';
import { evaluate, plainNumber, type Expression, type Scope, type Value } from './expression';
import type { Bits } from './encoder';
import { encodeInstruction, isRelative } from './instructions';
import { LIMITS } from './limits';
import type { LineMapEntry } from './line-map';
import { resolveOperand } from './operands';
import { layoutSections, Section } from './section';
import type { ParsedLine, Statement } from './statement';

interface SymbolEntry {
  value: bigint;
  section: string | null;
  factor: number;
  /** pass that defined it last */
  pass: number;
  place: Place;
  kind: 'label' | 'equ';
  /** its value rests on something not known yet */
  unknown: boolean;
}

export interface ProgramSymbol {
  value: number;
  section: string | null;
  kind: 'label' | 'equ';
  file: string;
  line: number;
}

const fail = (code: string, place: Place, en: string, zh: string): AssemblyError => new AssemblyError(code, place, { en, 'zh-CN': zh });
const ABSOLUTE = '*absolute*';
/** From this pass on a jump that was long stays long, so that the passes come to an end. */
const SETTLING_PASS = 24;

export class Passes {
  readonly sections = new Map<string, Section>();
  readonly symbols = new Map<string, SymbolEntry>();
  lineMap: LineMapEntry[] = [];
  origin = 0;
  originPlace: Place | null = null;
  private pass = 0;
  private moved = false;
  private bits: Bits;
  private section!: Section;
  /** section to return to after `struc`, and the struc's name */
  private struc: { name: string; back: Section; place: Place } | null = null;
  private diagnostics = new DiagnosticList();
  /** index of a line and whether its branch was long, from the pass before */
  private longBranches = new Set<number>();

  constructor(
    private readonly lines: readonly ParsedLine[],
    private readonly files: Readonly<Record<string, string | Uint8Array>>,
    private readonly startBits: Bits,
  ) {
    this.bits = startBits;
    this.sections.set('.text', new Section('.text', false));
  }

  /** Runs until stable; returns what is wrong with the program. Symbols, sections and the line map are then final. */
  run(): DiagnosticList {
    for (this.pass = 1; ; this.pass++) {
      this.once();
      if (this.pass > 1 && !this.moved) break;
      if (this.diagnostics.list.some(({ code }) => code === 'asm-too-large')) break;
      if (this.pass >= LIMITS.passes) {
        const place = this.lines[0]?.place ?? { file: '', line: 1, column: 1, endColumn: 2 };
        this.diagnostics.add('error', 'asm-unstable', place, {
          en: 'The addresses of this program do not settle: a size or an equ depends on itself',
          'zh-CN': '程序地址无法收敛：某个大小或 equ 依赖于自身',
        });
        break;
      }
    }
    return this.diagnostics;
  }

  private once(): void {
    this.moved = false;
    this.lineMap = [];
    this.bits = this.startBits;
    this.originPlace = null;
    this.struc = null;
    for (const section of this.sections.values()) section.begin();
    this.section = this.sections.get('.text')!;
    this.diagnostics = new DiagnosticList();
    this.lines.forEach((line, index) => {
      if (this.diagnostics.full) return;
      this.guarded(() => this.line(line, index));
    });
    const open = this.openStruc();
    if (open) this.diagnostics.addError(fail('asm-unclosed-block', open.place, 'This struc has no endstruc', '此 struc 缺少 endstruc'));
    this.layout();
  }

  private openStruc(): { place: Place } | null {
    return this.struc;
  }

  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof AssemblyError)) throw error;
      this.diagnostics.addError(error);
    }
  }

  /** what `$` means: the first byte of the line, also in every repetition of a `times` */
  private statementStart = 0;

  private get here(): number {
    return this.section.base + this.section.size;
  }

  private scope: Scope = {
    symbol: (name, place) => {
      const symbol = this.symbols.get(name);
      if (symbol && symbol.pass >= this.pass - 1)
        return { value: symbol.value, section: symbol.section, factor: symbol.factor, unknown: symbol.unknown };
      if (this.pass === 1) return { value: 0n, section: null, factor: 0, unknown: true };
      throw fail('asm-undefined-symbol', place, `${name} is not defined`, `符号 ${name} 未定义`);
    },
    here: () => this.placed(this.statementStart),
    sectionStart: () => this.placed(this.section.base),
  };

  /** An address in the section at hand; after `absolute` and in a struc it is a plain number. */
  private placed(address: number): Value {
    const absolute = this.section.name === ABSOLUTE;
    return { value: BigInt(address), section: absolute ? null : this.section.name, factor: absolute ? 0 : 1, unknown: false };
  }

  private value(expression: Expression): Value {
    return evaluate(expression, this.scope);
  }

  private dataScope(): DataScope {
    const { diagnostics } = this;
    return {
      value: (expression) => this.value(expression),
      count: (expression, place, what) => this.count(expression, place, what),
      diagnostics,
    };
  }

  /** A count or size: not negative, and small enough for a number. */
  private count(expression: Expression, place: Place, what: string): number {
    const { value, unknown } = this.value(expression);
    if (unknown) return 0;
    if (value < 0n)
      throw fail('asm-negative-count', place, `${what} would be ${value}: it cannot be negative`, `${what} 的值为 ${value}：不能为负数`);
    if (value > BigInt(LIMITS.outputBytes)) throw this.tooLarge(place);
    return Number(value);
  }

  private tooLarge(place: Place): AssemblyError {
    return fail('asm-too-large', place, 'The program would be larger than 64 MiB', '程序将超过 64 MiB');
  }

  private claim(bytes: number, place: Place): void {
    let total = bytes;
    for (const section of this.sections.values()) if (section.name !== ABSOLUTE && !section.nobits) total += section.size;
    if (total > LIMITS.outputBytes && !this.section.nobits && this.section.name !== ABSOLUTE) throw this.tooLarge(place);
    if (bytes + this.section.size > 2 ** 32) throw this.tooLarge(place);
  }

  private define(name: string, { value, section, factor, unknown }: Value, kind: SymbolEntry['kind'], place: Place): void {
    const old = this.symbols.get(name);
    if (old?.pass === this.pass) {
      throw fail(
        'asm-symbol-redefined',
        place,
        `${name} is already defined in ${old.place.file}, line ${old.place.line}`,
        `${name} 已在 ${old.place.file} 第 ${old.place.line} 行定义`,
      );
    }
    if (!old || old.value !== value || old.section !== section || old.factor !== factor || old.unknown !== unknown) this.moved = true;
    this.symbols.set(name, { value, section, factor, pass: this.pass, place, kind, unknown });
  }

  private line(line: ParsedLine, index: number): void {
    if (line.label) {
      this.define(line.label.name, this.placed(this.here), 'label', line.label.place);
    }
    const { section } = this;
    const address = this.here;
    const before = section.size;
    this.statementStart = address;
    this.statement(line.statement, index, line.place);
    if (section !== this.section || section.name === ABSOLUTE || section.size === before) return;
    const inner = line.statement.kind === 'times' ? line.statement.body : line.statement;
    this.lineMap.push({
      address,
      length: section.size - before,
      file: line.place.file,
      line: line.place.line,
      section: section.name,
      kind: inner.kind === 'instruction' ? 'code' : 'data',
    });
  }

  private statement(statement: Statement, index: number, place: Place): void {
    switch (statement.kind) {
      case 'nothing':
        return;
      case 'instruction':
        return this.instruction(statement, index);
      case 'data':
        return this.emit(dataBytes(statement.items, statement.size, place, this.dataScope()), place);
      case 'reserve': {
        const bytes = this.count(statement.count, statement.place, 'the reserved space') * statement.size;
        this.claim(bytes, statement.place);
        this.section.reserve(bytes);
        return;
      }
      case 'equ': {
        return this.define(statement.name, this.value(statement.value), 'equ', statement.place);
      }
      case 'times':
        return this.times(statement, index, place);
      case 'align':
        return this.align(statement, index);
      case 'incbin':
        return this.incbin(statement);
      case 'org': {
        if (this.originPlace)
          throw fail(
            'asm-org-twice',
            statement.place,
            `org is already given in line ${this.originPlace.line}`,
            `第 ${this.originPlace.line} 行已经给出 org`,
          );
        this.originPlace = statement.place;
        const origin = Number(BigInt.asUintN(64, this.value(statement.value).value));
        if (origin > 0xffff_ffff) throw fail('asm-bad-org', statement.place, 'org must lie below 4 GiB', 'org 必须小于 4 GiB');
        if (origin !== this.origin) this.moved = true;
        this.origin = origin;
        return;
      }
      case 'bits':
        this.bits = statement.bits;
        return;
      case 'section':
        return this.selectSection(statement);
      case 'absolute': {
        this.section = this.absolute(Number(this.value(statement.value).value));
        return;
      }
      case 'struc':
        this.struc = { name: statement.name, back: this.section, place: statement.place };
        this.section = this.absolute(0);
        this.define(statement.name, plainNumber(0n), 'label', statement.place);
        return;
      case 'endstruc': {
        if (!this.struc) throw fail('asm-stray-end', statement.place, 'endstruc without struc', 'endstruc 没有对应的 struc');
        const { name, back, place: start } = this.struc;
        this.define(name + '_size', plainNumber(BigInt(this.section.size)), 'equ', start);
        this.section = back;
        this.struc = null;
      }
    }
  }

  private absolute(base: number): Section {
    const section = new Section(ABSOLUTE, true);
    section.base = base;
    return section;
  }

  private emit(bytes: Uint8Array, place: Place): void {
    this.claim(bytes.length, place);
    if (this.section.nobits && bytes.some((byte) => byte !== 0)) {
      throw fail(
        'asm-data-in-nobits',
        place,
        `${this.section.name} holds no bytes, only reserved space: use resb, or another section`,
        `${this.section.name} 段不含数据，只能保留空间：请使用 resb 或其他段`,
      );
    }
    this.section.append(bytes);
  }

  private instruction(statement: Extract<Statement, { kind: 'instruction' }>, index: number): void {
    const operands = statement.operands.map((operand) => resolveOperand(operand, this.scope));
    const keepLong = this.pass >= SETTLING_PASS && this.longBranches.has(index);
    const bytes = encodeInstruction(
      {
        mnemonic: statement.mnemonic,
        prefixes: statement.prefixes,
        operands,
        bits: this.bits,
        address: this.here,
        place: statement.place,
        keepLong,
      },
      this.diagnostics,
    );
    if (bytes.length > 2) this.longBranches.add(index);
    this.emit(bytes, statement.place);
  }

  private times(statement: Extract<Statement, { kind: 'times' }>, index: number, place: Place): void {
    const count = this.count(statement.count, statement.place, 'times');
    if (count === 0) return;
    const { body } = statement;
    const moves = body.kind === 'instruction' && isRelative(body.mnemonic);
    if (moves || body.kind === 'times' || body.kind === 'incbin' || body.kind === 'align') {
      if (count > LIMITS.repetitions) {
        throw fail(
          'asm-too-many-repetitions',
          statement.place,
          `times ${count} is more than 1 000 000 repetitions`,
          `times ${count} 超过 1 000 000 次重复`,
        );
      }
      for (let round = 0; round < count; round++) this.statement(body, index, place);
      return;
    }
    const before = this.section.size;
    this.statement(body, index, place);
    const made = this.section.size - before;
    this.claim(made * (count - 1), statement.place);
    if (this.section.nobits) this.section.reserve(made * (count - 1));
    else this.section.fill(this.section.bytes.slice(before), count - 1);
  }

  private align(statement: Extract<Statement, { kind: 'align' }>, index: number): void {
    const boundary = this.count(statement.boundary, statement.place, 'align');
    if (boundary === 0 || (boundary & (boundary - 1)) !== 0) {
      throw fail('asm-bad-align', statement.place, `align needs a power of two, not ${boundary}`, `align 需要 2 的幂，而不是 ${boundary}`);
    }
    const { section } = this;
    if (section.name !== ABSOLUTE) section.align = Math.max(section.align, boundary);
    const offset = section.virtualStart !== null || section.name === ABSOLUTE ? this.here : section.size;
    const gap = (boundary - (offset % boundary)) % boundary;
    this.claim(gap, statement.place);
    if (statement.reserve || section.nobits) section.reserve(gap);
    else if (!statement.fill) section.fill(Uint8Array.of(0x90), gap);
    else {
      const end = section.size + gap;
      while (section.size < end) {
        const before = section.size;
        this.statement(statement.fill, index, statement.place);
        if (section.size === before) break;
      }
    }
  }

  private incbin(statement: Extract<Statement, { kind: 'incbin' }>): void {
    const content = Object.hasOwn(this.files, statement.path) ? this.files[statement.path] : undefined;
    if (content === undefined)
      throw fail(
        'asm-file-not-found',
        statement.place,
        `There is no file ${statement.path} in this lab`,
        `本实验中没有文件 ${statement.path}`,
      );
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const skip = statement.skip ? this.count(statement.skip, statement.place, 'the offset') : 0;
    const length = statement.length ? this.count(statement.length, statement.place, 'the length') : bytes.length;
    this.emit(bytes.subarray(skip, Math.min(bytes.length, skip + length)), statement.place);
  }

  private sectionNamed(name: string, place: Place): Section {
    const old = this.sections.get(name);
    if (old) return old;
    if (this.sections.size >= LIMITS.sections)
      throw fail('asm-too-many-sections', place, 'A program has at most 256 sections', '程序最多有 256 个段');
    const section = new Section(name, name === '.bss');
    this.sections.set(name, section);
    this.moved = true;
    return section;
  }

  private selectSection(statement: Extract<Statement, { kind: 'section' }>): void {
    this.section = this.sectionNamed(statement.name, statement.place);
    for (const [key, expression] of Object.entries(statement.attributes)) {
      const number = (): number => {
        if (expression === true)
          throw fail('asm-bad-section', statement.place, `${key} needs a value: ${key}=…`, `${key} 需要值：${key}=…`);
        const { value } = this.value(expression);
        if (value < 0n || value > 0xffff_ffffn)
          throw fail('asm-bad-section', statement.place, `${key} must lie from 0 to 4 GiB`, `${key} 必须在 0 到 4 GiB 之间`);
        return Number(value);
      };
      if (key === 'align') this.section.align = Math.max(1, number());
      else if (key === 'start') this.section.start = number();
      else if (key === 'vstart') this.section.virtualStart = number();
      else if (key === 'nobits' || key === 'progbits') this.section.nobits = key === 'nobits';
      else if (!['exec', 'noexec', 'write', 'nowrite', 'alloc', 'noalloc', 'data', 'code', 'bss'].includes(key)) {
        throw fail(
          'asm-bad-section',
          statement.place,
          `${key} is no section attribute: align, start, vstart, nobits`,
          `${key} 不是段属性：可用 align、start、vstart、nobits`,
        );
      }
    }
  }

  private layout(): void {
    const { moved, outside } = layoutSections([...this.sections.values()], this.origin);
    if (moved) this.moved = true;
    if (!outside) return;
    this.diagnostics.add('error', 'asm-too-large', this.lines[0]!.place, {
      en: `Section ${outside.name} would lie outside an image of 64 MiB from the origin`,
      'zh-CN': `段 ${outside.name} 超出从起始地址算起的 64 MiB 映像`,
    });
  }
}
