/**
 * NASM's preprocessor (manual, chapter 4): single-line and multi-line macros, conditions, repetition, inclusion of files of the
 * lab. Works on tokens and gives back the lines to assemble; every token keeps the place it was written at, and every line the
 * place where a reader finds it (the outermost macro call).
 */
import { AssemblyError, type DiagnosticList, type Place } from './diagnostics';
import { evaluate, parseExpression, placeOf, TokenCursor, type Scope } from './expression';
import { lexFile, lexLine, type SourceLine, type Token } from './lexer';
import { LIMITS } from './limits';
import { matchMacro, readMacroHeader, substituteParameters, type MacroCall, type MultiLineMacro } from './multi-line-macros';
import { SingleLineMacros } from './single-line-macros';

export interface PreprocessedLine {
  tokens: Token[];
  /** the line a reader sees: that of the outermost macro call */
  place: Place;
}

/** What stands between a line and the top level. */
interface Level {
  depth: number;
  /** place of the outermost macro call, for every line inside it */
  calledAt: Place | null;
  call: MacroCall | null;
  /** set by %exitrep and %exitmacro */
  leave: 'rep' | 'macro' | null;
}

const problem = (code: string, place: Place, en: string, zh: string): AssemblyError => new AssemblyError(code, place, { en, 'zh-CN': zh });

/** Mistakes after which expansion ends. */
const FATAL: ReadonlySet<string> = new Set(['asm-too-large', 'asm-macro-too-deep', 'asm-include-too-deep']);

const CONDITION = /^%(if|elif)(n?)(def|macro|idn|idni|num|id|str|empty|)$/;
const noSymbols: Scope = {
  symbol: (name, place) => {
    throw problem(
      'asm-not-a-constant',
      place,
      `${name} has no value while macros are expanded: use a number or a %define`,
      `预处理时 ${name} 还没有值：请使用数字或 %define`,
    );
  },
  here: (place) => {
    throw problem('asm-not-a-constant', place, '$ has no value while macros are expanded', '预处理时 $ 还没有值');
  },
  sectionStart: (place) => {
    throw problem('asm-not-a-constant', place, '$$ has no value while macros are expanded', '预处理时 $$ 还没有值');
  },
};

export class Preprocessor {
  private readonly output: PreprocessedLine[] = [];
  private readonly singles = new SingleLineMacros();
  private readonly macros = new Map<string, MultiLineMacro[]>();
  private readonly included: string[] = [];
  private serial = 0;
  private tokenCount = 0;
  /** a limit was reached: what is being expanded must not go on, however often it would repeat */
  abandoned = false;

  constructor(
    private readonly files: Readonly<Record<string, string | Uint8Array>>,
    private readonly diagnostics: DiagnosticList,
    defines: Readonly<Record<string, number | bigint | string>>,
  ) {
    for (const [name, value] of Object.entries(defines)) {
      this.singles.define(name, null, lexLine('defines', 1, typeof value === 'string' ? value : value.toString()), false);
    }
    for (const [name, value] of Object.entries({ __OUTPUT_FORMAT__: 'bin', __NASM_MAJOR__: '2', __NASM_MINOR__: '16' })) {
      if (!this.singles.has(name)) this.singles.define(name, null, lexLine('defines', 1, value), false);
    }
  }

  /** Expands the main file. Mistakes go to the diagnostics; the lines that could be made are returned. */
  run(mainPath: string): PreprocessedLine[] {
    this.include(mainPath, { file: mainPath, line: 1, column: 1, endColumn: 2 }, { depth: 0, calledAt: null, call: null, leave: null });
    return this.output;
  }

  private include(path: string, place: Place, level: Level): void {
    const content = Object.hasOwn(this.files, path) ? this.files[path] : undefined;
    if (content === undefined)
      throw problem('asm-file-not-found', place, `There is no file ${path} in this lab`, `本实验中没有文件 ${path}`);
    if (level.depth >= LIMITS.depth)
      throw problem(
        'asm-include-too-deep',
        place,
        `${path} includes itself, or files nest too deeply`,
        `${path} 循环包含自身，或文件嵌套过深`,
      );
    const text = typeof content === 'string' ? content : new TextDecoder().decode(content);
    if (text.length > LIMITS.sourceCharacters)
      throw problem('asm-file-too-large', place, `${path} has more than 4 194 304 characters`, `${path} 超过 4 194 304 个字符`);
    this.included.push(path);
    this.lines(lexFile(path, text), { ...level, depth: level.depth + 1 });
    this.included.pop();
  }

  /** Works through a list of lines; conditions and repetitions must close inside it. */
  private lines(source: readonly SourceLine[], level: Level): void {
    const conditions: { active: boolean; taken: boolean; place: Place }[] = [];
    for (let index = 0; index < source.length; index++) {
      if (this.abandoned || this.diagnostics.full || level.leave) return;
      const line = source[index]!;
      const first = line.tokens[0];
      if (!first) continue;
      const word = first.kind === 'preprocessor' ? first.text.toLowerCase() : '';
      try {
        const active = conditions.every((condition) => condition.active);
        if (this.condition(word, first, line, conditions, active, level)) continue;
        if (!active) continue;
        if (word === '%macro' || word === '%imacro') index = this.defineMacro(source, index);
        else if (word === '%rep') index = this.repeat(source, index, level);
        else if (word !== '' && /^%[a-z]/.test(word)) this.directive(word, first, line, level);
        else this.emit(line, level);
      } catch (error) {
        if (!(error instanceof AssemblyError)) throw error;
        this.report(error, level);
        if (FATAL.has(error.code)) this.abandoned = true;
      }
    }
    const open = conditions[conditions.length - 1];
    if (open && !level.leave && !this.abandoned)
      this.report(problem('asm-unclosed-if', open.place, 'This %if has no %endif', '此 %if 缺少对应的 %endif'), level);
  }

  /** A mistake inside a macro is shown where the macro is called, and says where it was written. */
  private report(error: AssemblyError, level: Level): void {
    if (!level.calledAt) return this.diagnostics.addError(error);
    const written = `${error.place.file}:${error.place.line}`;
    this.diagnostics.add('error', error.code, level.calledAt, {
      en: `${error.text.en} (in the macro, ${written})`,
      'zh-CN': `${error.text['zh-CN']}（在宏中，${written}）`,
    });
  }

  private condition(
    word: string,
    first: Token,
    line: SourceLine,
    stack: { active: boolean; taken: boolean; place: Place }[],
    active: boolean,
    level: Level,
  ): boolean {
    const match = CONDITION.exec(word);
    const top = stack[stack.length - 1];
    if (match?.[1] === 'if') {
      const entry = { active: false, taken: !active, place: placeOf(first) };
      stack.push(entry);
      if (active) entry.active = entry.taken = this.test(match, line, level);
      return true;
    }
    if (match || word === '%else' || word === '%endif') {
      if (!top) throw problem('asm-stray-conditional', placeOf(first), `${first.text} without %if`, `${first.text} 没有对应的 %if`);
      if (word === '%endif') stack.pop();
      else {
        const outer = stack.slice(0, -1).every((condition) => condition.active);
        top.active = false;
        if (outer && !top.taken) top.active = top.taken = match ? this.test(match, line, level) : true;
      }
      return true;
    }
    return false;
  }

  private test(match: RegExpExecArray, line: SourceLine, level: Level): boolean {
    const [, , negated, what] = match;
    const raw = substituteParameters(line.tokens.slice(1), level.call);
    const fallback = placeOf(line.tokens[0]!);
    let result: boolean;
    if (what === 'def') result = raw.length > 0 && this.singles.has(raw[0]!.text);
    else if (what === 'macro') result = raw.length > 0 && this.macros.has(raw[0]!.text.toLowerCase());
    else {
      const tokens = this.singles.expand(raw);
      const comma = tokens.findIndex((token) => token.text === ',' && token.kind === 'operator');
      const spell = (list: Token[]): string => list.map((token) => token.text).join(' ');
      const left = spell(tokens.slice(0, Math.max(comma, 0)));
      const right = spell(tokens.slice(comma + 1));
      if (what === 'idn') result = left === right;
      else if (what === 'idni') result = left.toLowerCase() === right.toLowerCase();
      else if (what === 'num') result = tokens[tokens.length - 1]?.kind === 'number';
      else if (what === 'id') result = tokens[0]?.kind === 'identifier';
      else if (what === 'str') result = tokens[0]?.kind === 'string';
      else if (what === 'empty') result = tokens.length === 0;
      else result = this.constant(tokens, fallback) !== 0n;
    }
    return negated === 'n' ? !result : result;
  }

  private constant(tokens: Token[], fallback: Place): bigint {
    const cursor = new TokenCursor(tokens, fallback);
    const expression = parseExpression(cursor);
    cursor.expectEnd();
    return evaluate(expression, noSymbols).value;
  }

  private directive(word: string, first: Token, line: SourceLine, level: Level): void {
    const place = placeOf(first);
    const tokens = substituteParameters(line.tokens.slice(1), level.call);
    const name = tokens[0];
    switch (word) {
      case '%define':
      case '%idefine':
      case '%xdefine':
      case '%ixdefine': {
        if (name?.kind !== 'identifier')
          throw problem('asm-name-expected', place, `${first.text} needs a name`, `${first.text} 之后应有名称`);
        const { parameters, body } = SingleLineMacros.split(tokens);
        this.singles.define(name.text, parameters, word.includes('x') ? this.singles.expand(body) : body, word.startsWith('%i'));
        return;
      }
      case '%undef':
        if (name) this.singles.undefine(name.text);
        return;
      case '%assign':
      case '%iassign': {
        if (name?.kind !== 'identifier')
          throw problem('asm-name-expected', place, `${first.text} needs a name`, `${first.text} 之后应有名称`);
        const value = this.constant(this.singles.expand(tokens.slice(1)), placeOf(name));
        this.singles.define(name.text, null, lexLine(name.file, name.line, value.toString()), word === '%iassign');
        return;
      }
      case '%strlen': {
        const text = this.singles.expand(tokens.slice(1))[0];
        if (name?.kind !== 'identifier' || !text?.bytes)
          throw problem('asm-name-expected', place, '%strlen needs a name and a string', '%strlen 之后应有名称和字符串');
        this.singles.define(name.text, null, lexLine(name.file, name.line, String(text.bytes.length)), false);
        return;
      }
      case '%include': {
        const path = this.singles.expand(tokens)[0];
        if (!path?.bytes)
          throw problem('asm-file-name-expected', place, '%include needs a file name in quotes', '%include 之后应为带引号的文件名');
        this.include(this.resolve(new TextDecoder().decode(path.bytes), line.file), placeOf(path), level);
        return;
      }
      case '%error':
      case '%fatal':
      case '%warning': {
        const text = tokens.map((token) => (token.bytes ? new TextDecoder().decode(token.bytes) : token.text)).join(' ');
        if (word === '%warning') this.diagnostics.add('warning', 'asm-user-warning', level.calledAt ?? place, { en: text, 'zh-CN': text });
        else throw problem('asm-user-error', place, text, text);
        return;
      }
      case '%exitrep':
        level.leave = 'rep';
        return;
      case '%exitmacro':
        level.leave = 'macro';
        return;
      case '%rotate': {
        const call = level.call;
        if (!call) throw problem('asm-stray-rotate', place, '%rotate works only inside a macro', '%rotate 只能用在宏内');
        const length = call.parameters.length;
        if (length === 0) return;
        const distance = Number(((this.constant(this.singles.expand(tokens), place) % BigInt(length)) + BigInt(length)) % BigInt(length));
        call.parameters = [...call.parameters.slice(distance), ...call.parameters.slice(0, distance)];
        return;
      }
      case '%endmacro':
      case '%endrep':
        throw problem('asm-stray-end', place, `${first.text} without its beginning`, `${first.text} 没有对应的开头`);
      case '%line':
      case '%pragma':
        return;
      default:
        throw problem(
          'asm-unknown-directive',
          place,
          `${first.text} is not a preprocessor directive that is known here`,
          `无法识别的预处理指令 ${first.text}`,
        );
    }
  }

  /** A path in %include or incbin: beside the file that names it, else from the lab's top; never outside the lab. */
  resolve(path: string, from: string): string {
    const folder = from.includes('/') ? from.slice(0, from.lastIndexOf('/') + 1) : '';
    return Object.hasOwn(this.files, folder + path) ? folder + path : path;
  }

  /** Index of the line that closes a block opened at `start`; the same kind nests. */
  private closing(source: readonly SourceLine[], start: number, opens: RegExp, closes: string): number {
    let depth = 1;
    for (let index = start + 1; index < source.length; index++) {
      const word = source[index]!.tokens[0]?.text.toLowerCase() ?? '';
      if (opens.test(word)) depth++;
      else if (word === closes && --depth === 0) return index;
    }
    const first = source[start]!.tokens[0]!;
    throw problem('asm-unclosed-block', placeOf(first), `${first.text} has no ${closes}`, `${first.text} 缺少对应的 ${closes}`);
  }

  private defineMacro(source: readonly SourceLine[], start: number): number {
    const [directive, name, ...rest] = source[start]!.tokens;
    const end = this.closing(source, start, /^%i?macro$/, '%endmacro');
    const header = [...(name ? [name] : []), ...this.singles.expand(rest)];
    const macro = readMacroHeader(directive!, header, source.slice(start + 1, end));
    const key = macro.name.toLowerCase();
    const others = (this.macros.get(key) ?? []).filter((other) => other.least !== macro.least || other.name !== macro.name);
    this.macros.set(key, [macro, ...others]);
    return end;
  }

  private repeat(source: readonly SourceLine[], start: number, level: Level): number {
    const end = this.closing(source, start, /^%rep$/, '%endrep');
    const first = source[start]!.tokens[0]!;
    const count = this.constant(this.singles.expand(substituteParameters(source[start]!.tokens.slice(1), level.call)), placeOf(first));
    if (count > BigInt(LIMITS.repetitions))
      throw problem(
        'asm-too-many-repetitions',
        placeOf(first),
        `%rep ${count} is more than 1 000 000 repetitions`,
        `%rep ${count} 超过 1 000 000 次重复`,
      );
    const body = source.slice(start + 1, end);
    for (let round = 0; round < Number(count); round++) {
      const inner: Level = { ...level };
      this.lines(body, inner);
      if (inner.leave === 'macro') level.leave = 'macro';
      if (inner.leave || this.abandoned || this.diagnostics.full) break;
    }
    return end;
  }

  /** A line of code: macro parameters, single-line macros, then a multi-line macro or the assembler. */
  private emit(line: SourceLine, level: Level): void {
    const tokens = this.singles.expand(substituteParameters(line.tokens, level.call));
    this.checkSize(tokens, line);
    let at = 0;
    if (tokens[0]?.kind === 'identifier' && tokens[1]?.kind === 'operator' && tokens[1].text === ':') at = 2;
    else if (tokens[0]?.kind === 'identifier' && !this.isMacro(tokens[0]) && tokens[1] && this.isMacro(tokens[1])) at = 1;
    const called = tokens[at];
    const place = level.calledAt ?? wholePlace(line.tokens);
    if (!called || !this.isMacro(called)) {
      if (tokens.length > 0)
        this.output.push({ tokens: level.calledAt ? tokens.map((token) => ({ ...token, ...level.calledAt })) : tokens, place });
      return;
    }
    if (at > 0) this.output.push({ tokens: tokens.slice(0, at), place });
    this.call(called, tokens.slice(at + 1), { ...level, calledAt: level.calledAt ?? wholePlace(line.tokens.slice(at)) });
  }

  private isMacro(token: Token): boolean {
    return token.kind === 'identifier' && this.macros.has(token.text.toLowerCase());
  }

  private call(called: Token, rest: Token[], level: Level): void {
    const { macro, parameters } = matchMacro(called, this.macros.get(called.text.toLowerCase())!, rest);
    if (level.depth >= LIMITS.depth)
      throw problem(
        'asm-macro-too-deep',
        placeOf(called),
        `The macro ${called.text} calls itself, or macros nest too deeply`,
        `宏 ${called.text} 递归调用自身，或宏嵌套过深`,
      );
    this.lines(macro.body, {
      depth: level.depth + 1,
      calledAt: level.calledAt,
      call: { parameters, serial: ++this.serial },
      leave: null,
    });
  }

  private checkSize(tokens: readonly Token[], line: SourceLine): void {
    this.tokenCount += tokens.length;
    if (tokens.length > LIMITS.lineTokens || this.tokenCount > LIMITS.tokens || this.output.length >= LIMITS.lines) {
      throw problem(
        'asm-too-large',
        wholePlace(line.tokens),
        'The program grows too large while its macros are expanded',
        '宏展开后程序过大',
      );
    }
  }
}

/** From a line's first character to its last. */
function wholePlace(tokens: readonly Token[]): Place {
  const first = tokens[0]!;
  const last = tokens[tokens.length - 1]!;
  return { ...placeOf(first), endColumn: last.line === first.line ? last.endColumn : first.endColumn };
}
