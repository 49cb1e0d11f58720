/**
 * The arrows between the rooms (docs/design.md): machine ← vmm ← lab ← host ← main, web, cli; assembler beside
 * machine. Enforced by `npm run lint`.
 */
const room = (name) => `^src/${name}/`;
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const specs = '\\.spec(-support)?\\.ts$';

module.exports = {
  forbidden: [
    forbid(
      'no-cycles',
      'modules that need each other are one idea or have a wrong line between them',
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    ),
    forbid(
      'machine-alone',
      'the hardware imports nothing of ours but itself',
      { path: room('machine'), pathNot: specs },
      { path: '^src/', pathNot: room('machine') },
    ),
    forbid(
      'assembler-beside-machine',
      'the assembler knows machine only',
      { path: room('assembler'), pathNot: specs },
      { path: '^src/', pathNot: '^src/(assembler|machine)/' },
    ),
    forbid(
      'vmm-on-machine',
      'the hypervisor knows machine only',
      { path: room('vmm'), pathNot: specs },
      { path: '^src/', pathNot: '^src/(vmm|machine)/' },
    ),
    forbid(
      'lab-on-core',
      'lab knows machine, vmm and assembler',
      { path: room('lab'), pathNot: specs },
      { path: '^src/', pathNot: '^src/(lab|vmm|machine|assembler)/' },
    ),
    forbid(
      'host-on-lab',
      'host knows the core, no shell',
      { path: room('host'), pathNot: specs },
      { path: '^src/', pathNot: '^src/(host|lab|vmm|machine|assembler)/' },
    ),
    forbid(
      'shells-apart',
      'a shell knows no other shell',
      { path: '^src/(main|web|cli)/' },
      { path: '^src/(main|web|cli|renderer)/', pathNot: '^src/$1/' },
    ),
    forbid(
      'preload-thin',
      'the preload script knows the bridge and the names of its channels',
      { path: room('preload') },
      { path: '^src/', pathNot: '^src/(preload/|lab/shell-bridge|main/channels)' },
    ),
    forbid(
      'window-outside-the-core',
      'the window sees the document, the protocols, the pure rules of the board, addresses, the Journey, the names and numbers of exits, and the assembler',
      { path: room('renderer') },
      {
        path: '^src/',
        pathNot:
          '^src/(renderer/|lab/document/|lab/(protocol|shell-bridge|channel|text-frames)|machine/journey/|machine/board/|machine/address|machine/cpu/exit-reasons|assembler/)',
      },
    ),
    forbid(
      'core-without-node',
      'the core runs anywhere',
      { path: '^src/(machine|vmm|assembler|lab)/', pathNot: specs },
      { dependencyTypes: ['core'] },
    ),
    forbid(
      'electron-in-main-only',
      "require('electron') happens in main and preload only",
      { path: '^src/', pathNot: '^src/(main|preload)/' },
      { path: '^(electron|node_modules/electron/)' },
    ),
    forbid(
      'machine-packages',
      'machine: zod in board, iced-x86 for the disassembler',
      { path: room('machine'), pathNot: specs },
      { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/(zod|iced-x86)/' },
    ),
    forbid(
      'assembler-packages',
      'assembler: iced-x86',
      { path: room('assembler'), pathNot: specs },
      { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/iced-x86/' },
    ),
    forbid('vmm-packages', 'vmm: none', { path: room('vmm'), pathNot: specs }, { dependencyTypes: ['npm', 'npm-dev'] }),
    forbid(
      'lab-packages',
      'lab: yaml, zod, msgpackr, birpc, mutative',
      { path: room('lab'), pathNot: specs },
      { dependencyTypes: ['npm', 'npm-dev'], pathNot: 'node_modules/(yaml|zod|msgpackr|birpc|mutative)/' },
    ),
    forbid('unresolved', 'every import resolves', {}, { couldNotResolve: true, pathNot: '^(monaco-editor|iced-x86|virtual:)' }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.vue', '.js', '.mjs', '.json', '.css'],
    },
  },
};
