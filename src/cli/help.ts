/** The words of --help. */
import { text } from '../lab/document/problem';

export const HELP = {
  pagewalk: text('A lab for memory virtualization.', '内存虚拟化实验室。'),
  help: text('show this', '显示本帮助'),
  lang: text('language of the messages', '消息的语言'),
  none: text('none', '无'),
  run: text(
    'run a lab until every VM halts, or the limit, and evaluate its checks (LAB: a .lab.yaml, its folder, or the name of a shipped lab)',
    '运行实验，直到所有虚拟机停机或达到上限，并评判其检查项（LAB：.lab.yaml 文件、其文件夹，或自带实验的名称）',
  ),
  walk: text('follow one access step by step, down to the DRAM cell', '逐步跟踪一次访问，直到 DRAM 单元'),
  asm: text('assemble a program (NASM syntax) to flat bytes', '汇编程序（NASM 语法），生成纯二进制'),
  board: text('look at a board, alone or in a lab', '查看主板（单独的或实验中的）'),
  boardCheck: text('check the placement rules', '检查安装规则'),
  boardMap: text('print the physical address map', '打印物理地址映射'),
  serve: text('open the lab in a browser, on this machine only', '在浏览器中打开实验室，仅限本机'),
  set: text(
    'change the lab before it runs, e.g. board.slots.A1.dimm=null (may be repeated)',
    '运行前修改实验，例如 board.slots.A1.dimm=null（可重复）',
  ),
  json: text('print JSON', '以 JSON 输出'),
  maxInstructions: text('stop after this many instructions', '执行这么多条指令后停止'),
  vm: text('whose address it is', '地址属于哪台虚拟机'),
  space: text('address space the access starts in', '访问起始的地址空间'),
  address: text('address, or SEGMENT:OFFSET for logical (DS:0x10)', '地址；逻辑地址写作 段:偏移（DS:0x10）'),
  access: text('what the access does', '访问的类型'),
  size: text('bytes: 1, 2, 4 or 8', '字节数：1、2、4 或 8'),
  cpl: text('privilege level of the access (default: the current one)', '访问的特权级（默认为当前级别）'),
  requester: text('the device that makes the access (iova), as 00:04.0', '发起访问的设备（iova），如 00:04.0'),
  at: text('walk after this many instructions (default: the end of the run)', '在执行这么多条指令之后跟踪（默认：运行结束时）'),
  out: text('file for the bytes (default: FILE.bin)', '输出文件（默认：FILE.bin）'),
  listing: text('file for the listing', '列表文件'),
  port: text('port to listen on (default: any that is free)', '监听端口（默认：任一空闲端口）'),
} as const;
