/**
 * The command line: commands, arguments, help and usage errors in the chosen language. What a command does is in commands/; each
 * answers with an exit status.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Language } from '../lab/protocol';
import { nearestNames } from '../lab/document/nearest';
import { error, suggestNames, text, type Text } from '../lab/document/problem';
import { asm, type AsmOptions } from './commands/asm';
import { boardCheck, boardMap } from './commands/board';
import { boardAddress, boardDmi, boardE820, boardLocate } from './commands/board-memory';
import { boot, type BootOptions } from './commands/boot';
import { memorySize } from './commands/boot-machine';
import { parseAddress } from '../machine/board/schema';
import { run, type RunOptions } from './commands/run';
import { serve } from './commands/serve';
import { walk, type WalkOptions } from './commands/walk';
import { Failure, formatProblem, formatProblems } from './failure';
import { HELP } from './help';
import { EXIT, type Surroundings } from './streams';

const LANGUAGES: readonly Language[] = ['en', 'zh-CN'];

/** --lang, wherever it stands; else the surroundings' locale. */
export function languageOf(argv: readonly string[], env: Surroundings['env']): Language {
  const at = argv.findIndex((word) => word === '--lang' || word.startsWith('--lang='));
  const asked = at < 0 ? undefined : argv[at]!.includes('=') ? argv[at]!.slice(argv[at]!.indexOf('=') + 1) : argv[at + 1];
  if (asked !== undefined) return /^zh/i.test(asked) ? 'zh-CN' : 'en';
  return /^zh/i.test(env['LC_ALL'] || env['LC_MESSAGES'] || env['LANG'] || '') ? 'zh-CN' : 'en';
}

function wholeNumber(value: string): number {
  const number = parseAddress(value);
  if (number === undefined) throw new InvalidArgumentError('');
  return number;
}

function wholeNumbers(value: string, before: number[]): number[] {
  return [...before, ...value.split(',').map(wholeNumber)];
}

function size(value: string): number {
  const bytes = memorySize(value);
  if (bytes === undefined) throw new InvalidArgumentError('');
  return bytes;
}

const collect = (value: string, before: string[]): string[] => [...before, value];

/** Every option name of a command, for suggestions. */
const optionNames = (command: Command): string[] => command.options.flatMap(({ long }) => (long ? [long] : []));

/** What commander found wrong, in both languages, with what to write instead. */
function usageProblem(
  thrown: CommanderError,
  commands: ReadonlyMap<string, Command>,
  argv: readonly string[],
): { message: Text; remedy?: Text } {
  const quoted = /'([^']*)'/.exec(thrown.message)?.[1] ?? '';
  const name = quoted.split(/[ <[=]/)[0] ?? quoted;
  const words = argv.filter((word) => !word.startsWith('-'));
  const command = commands.get(`${words[0]} ${words[1]}`) ?? commands.get(words[0] ?? '');
  switch (thrown.code) {
    case 'commander.unknownCommand': {
      const prefix = words[0] === 'board' ? 'board ' : '';
      const known = [...commands.keys()].filter(
        (key) => key.startsWith(prefix) && !key.slice(prefix.length).includes(' ') && key !== prefix,
      );
      const names = known.map((key) => key.slice(prefix.length));
      return {
        message: text(`There is no command "${prefix}${name}".`, `没有命令 “${prefix}${name}”。`),
        remedy: suggestNames(nearestNames(name, names)),
      };
    }
    case 'commander.unknownOption':
      return {
        message: text(`There is no option ${name}.`, `没有选项 ${name}。`),
        remedy: suggestNames(nearestNames(name, command ? optionNames(command) : [])),
      };
    case 'commander.missingArgument':
      return {
        message: text(`The argument ${name.toUpperCase()} is missing.`, `缺少参数 ${name.toUpperCase()}。`),
        remedy: text('See --help.', '参见 --help。'),
      };
    case 'commander.missingMandatoryOptionValue':
      return {
        message: text(
          `The option ${/--[a-z-]+/.exec(quoted)?.[0] ?? quoted} must be given.`,
          `必须给出选项 ${/--[a-z-]+/.exec(quoted)?.[0] ?? quoted}。`,
        ),
        remedy: text('See --help.', '参见 --help。'),
      };
    case 'commander.optionMissingArgument':
      return {
        message: text(`The option ${quoted} needs a value.`, `选项 ${quoted} 需要一个值。`),
        remedy: text('See --help.', '参见 --help。'),
      };
    case 'commander.excessArguments':
      return {
        message: text('There are too many arguments.', '参数过多。'),
        remedy: text('Put names with spaces in quotes; see --help.', '带空格的名称请加引号；参见 --help。'),
      };
    case 'commander.invalidArgument': {
      const choices = /Allowed choices are (.*)\.$/.exec(thrown.message)?.[1];
      const wrong = /argument '([^']*)' is invalid/.exec(thrown.message)?.[1] ?? '';
      const option = /--[a-z-]+/.exec(thrown.message)?.[0] ?? '';
      return {
        message: text(`${option} "${wrong}" is not valid.`, `${option} 的值 “${wrong}” 无效。`),
        remedy: choices
          ? text(`Write one of ${choices}.`, `请写其中之一：${choices}。`)
          : option === '--memory'
            ? text('Write a size: 64M, "64 MiB" or 2G.', '请写大小：64M、"64 MiB" 或 2G。')
            : text('Write a whole number from 0.', '请写不小于 0 的整数。'),
      };
    }
    default:
      return { message: text(thrown.message, thrown.message), remedy: text('See --help.', '参见 --help。') };
  }
}

/** Runs one command. Never throws for what a user can give; returns the exit status. */
export async function commandLine(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const language = languageOf(argv, surroundings.env);
  const help = (key: keyof typeof HELP): string => HELP[key][language];
  const commands = new Map<string, Command>();
  let status: number = EXIT.ok;

  const prepare = (command: Command): Command =>
    command
      .exitOverride()
      .allowExcessArguments(false)
      .showSuggestionAfterError(false)
      .helpOption('-h, --help', help('help'))
      .addOption(new Option('--lang <language>', help('lang')).choices(LANGUAGES))
      .configureOutput({ writeOut: (written) => surroundings.out(written), writeErr: () => {}, outputError: () => {} })
      .configureHelp({ styleTitle: (title) => HELP_TITLES[language][title] ?? title });

  const command = (parent: Command, usage: string, description: keyof typeof HELP, key: string): Command => {
    const made = prepare(parent.command(usage).description(help(description)));
    commands.set(key, made);
    return made;
  };
  const doing = (work: () => Promise<number>): Promise<void> => work().then((result) => void (status = result));

  const program = prepare(new Command('pagewalk').description(help('pagewalk'))).helpCommand(false);
  const settings = (made: Command): Command =>
    made.addOption(new Option('--set <path=value>', help('set')).argParser(collect).default([], help('none')));

  settings(command(program, 'run <lab>', 'run', 'run'))
    .option('--json', help('json'))
    .option('--max-instructions <n>', help('maxInstructions'), wholeNumber)
    .action((lab: string, options: RunOptions) => doing(() => run(lab, options, language, surroundings)));
  settings(command(program, 'walk <lab>', 'walk', 'walk'))
    .option('--vm <id>', help('vm'))
    .addOption(new Option('--space <space>', help('space')).choices(['logical', 'linear', 'guest', 'host', 'iova']).makeOptionMandatory())
    .requiredOption('--address <address>', help('address'))
    .addOption(new Option('--access <kind>', help('access')).choices(['read', 'write', 'execute']).default('read'))
    .option('--size <bytes>', help('size'), wholeNumber, 4)
    .option('--cpl <n>', help('cpl'), wholeNumber)
    .option('--requester <id>', help('requester'))
    .option('--at <instruction>', help('at'), wholeNumber)
    .option('--max-instructions <n>', help('maxInstructions'), wholeNumber)
    .option('--json', help('json'))
    .action((lab: string, options: WalkOptions) => doing(() => walk(lab, options, language, surroundings)));
  command(program, 'asm <file>', 'asm', 'asm')
    .option('-o, --out <file>', help('out'))
    .option('-l, --listing <file>', help('listing'))
    .action((file: string, options: AsmOptions) => doing(() => asm(file, options, language, surroundings)));
  command(program, 'boot', 'boot', 'boot')
    .option('--rom <file>', help('rom'))
    .option('--kernel <file>', help('kernel'))
    .option('--load-address <address>', help('loadAddress'), wholeNumber)
    .option('--entry <address>', help('entry'), wholeNumber)
    .addOption(new Option('--mode <mode>', help('mode')).choices(['real', 'protected']))
    .option('--append <text>', help('append'))
    .option('--memory <size>', help('memory'), size)
    .option('--board <lab>', help('bootBoard'))
    .option('--cpu <part>', help('cpu'))
    .addOption(new Option('--engine <tier>', help('engine')).choices(['auto', 'interpreter', 'threaded', 'compiled']))
    .option('--serial <where>', help('serial'))
    .option('--post-port <n>', help('postPort'), wholeNumber)
    .option('--exit-port <n>', help('exitPort'), wholeNumber)
    .option('--max-instructions <n>', help('maxInstructions'), wholeNumber)
    .addOption(new Option('--hash-at <n,…>', help('hashAt')).argParser(wholeNumbers).default([], help('none')))
    .option('--trace <file>', help('trace'))
    .option('--json', help('json'))
    .action((options: BootOptions) => doing(() => boot(options, language, surroundings)));
  const board = command(program, 'board', 'board', 'board').helpCommand(false);
  command(board, 'check <file>', 'boardCheck', 'board check').action((file: string) =>
    doing(() => boardCheck(file, language, surroundings)),
  );
  command(board, 'map <file>', 'boardMap', 'board map')
    .option('--json', help('json'))
    .action((file: string, options: { json?: boolean }) => doing(() => boardMap(file, options.json === true, language, surroundings)));
  command(board, 'locate <file> <address>', 'boardLocate', 'board locate')
    .option('--json', help('json'))
    .action((file: string, address: string, options: { json?: boolean }) =>
      doing(() => boardLocate(file, address, options.json === true, language, surroundings)),
    );
  command(board, 'address <file> <cell>', 'boardAddress', 'board address').action((file: string, cell: string) =>
    doing(() => boardAddress(file, cell, language, surroundings)),
  );
  command(board, 'e820 <file>', 'boardE820', 'board e820')
    .option('--json', help('json'))
    .action((file: string, options: { json?: boolean }) => doing(() => boardE820(file, options.json === true, language, surroundings)));
  command(board, 'dmi <file>', 'boardDmi', 'board dmi')
    .option('-o, --out <file>', help('dmiOut'))
    .action((file: string, options: { out?: string }) => doing(() => boardDmi(file, options.out, language, surroundings)));
  command(program, 'serve', 'serve', 'serve')
    .option('--port <n>', help('port'), wholeNumber)
    .action((options: { port?: number }) => doing(() => serve(options.port, language, surroundings)));

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (thrown) {
    if (thrown instanceof Failure) {
      surroundings.err(formatProblems(thrown.problems, thrown.file, language));
      return EXIT.badInput;
    }
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return EXIT.ok;
    if (thrown.code === 'commander.help') {
      // a bare `pagewalk` or `pagewalk board`: the help is the message
      const words = argv.filter((word) => !word.startsWith('-'));
      surroundings.err((commands.get(words[0] ?? '') ?? program).helpInformation());
      return EXIT.badInput;
    }
    const { message, remedy } = usageProblem(thrown, commands, argv);
    surroundings.err(formatProblem(error('usage', message, remedy), 'pagewalk', language) + '\n');
    return EXIT.badInput;
  }
}

const HELP_TITLES: Record<Language, Record<string, string>> = {
  en: {},
  'zh-CN': { 'Usage:': '用法：', 'Options:': '选项：', 'Commands:': '命令：', 'Arguments:': '参数：' },
};
