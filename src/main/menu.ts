/**
 * The application menu. Each item names an action of the window (renderer/actions); the window carries it out, so menu,
 * keyboard, palette and buttons do the same thing. Outside macOS the window handles the keys itself and the menu only shows them.
 */
import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { Language } from '../lab/protocol';

type Row = readonly [action: string, en: string, zh: string, key?: string] | 'separator';

const MENUS: readonly { en: string; zh: string; rows: readonly Row[] }[] = [
  {
    en: '&File',
    zh: '文件(&F)',
    rows: [
      ['file.new', 'New lab', '新建实验', 'CmdOrCtrl+N'],
      ['file.open', 'Open…', '打开…', 'CmdOrCtrl+O'],
      'separator',
      ['file.save', 'Save', '保存', 'CmdOrCtrl+S'],
      ['file.saveAs', 'Save as…', '另存为…', 'CmdOrCtrl+Shift+S'],
    ],
  },
  {
    en: '&Edit',
    zh: '编辑(&E)',
    rows: [
      ['edit.undo', 'Undo', '撤销', 'CmdOrCtrl+Z'],
      ['edit.redo', 'Redo', '重做', 'CmdOrCtrl+Shift+Z'],
    ],
  },
  {
    en: '&View',
    zh: '视图(&V)',
    rows: [
      ['view.palette', 'Go to…', '转到…', 'CmdOrCtrl+K'],
      'separator',
      ['view.board', 'Board', '主板', 'CmdOrCtrl+1'],
      ['view.programs', 'Programs', '程序', 'CmdOrCtrl+2'],
      ['view.machine', 'Machine', '机器', 'CmdOrCtrl+3'],
      ['view.virtualization', 'Virtualization', '虚拟化', 'CmdOrCtrl+4'],
      ['view.isolation', 'Isolation', '隔离', 'CmdOrCtrl+5'],
      ['view.labs', 'Labs', '实验', 'CmdOrCtrl+6'],
      'separator',
      ['view.toggleTheme', 'Light or dark', '浅色或深色'],
      ['view.toggleLanguage', '中文', 'English'],
      ['view.resetLayout', 'Reset layout', '重置布局'],
    ],
  },
  {
    en: '&Run',
    zh: '运行(&R)',
    rows: [
      ['run.run', 'Run', '运行', 'F5'],
      ['run.pause', 'Pause', '暂停', 'Shift+F5'],
      ['run.step', 'Step', '单步', 'F10'],
      ['run.stepOver', 'Step over', '逐过程', 'F8'],
      ['run.reset', 'Reset', '重置', 'CmdOrCtrl+Shift+F5'],
    ],
  },
];

/** Builds and sets the menu in one language. `perform` receives the action's id. */
export function applyMenu(language: Language, perform: (action: string) => void): void {
  const mac = process.platform === 'darwin';
  const label = (en: string, zh: string): string => (language === 'zh-CN' ? zh : en);
  const item = (row: Row): MenuItemConstructorOptions => {
    if (row === 'separator') return { type: 'separator' };
    const [action, en, zh, accelerator] = row;
    return { id: action, label: label(en, zh), accelerator, registerAccelerator: mac, click: () => perform(action) };
  };
  const template: MenuItemConstructorOptions[] = MENUS.map(({ en, zh, rows }) => ({ label: label(en, zh), submenu: rows.map(item) }));
  const [file, edit] = template as [MenuItemConstructorOptions, MenuItemConstructorOptions];
  (file.submenu as MenuItemConstructorOptions[]).push(
    { type: 'separator' },
    { role: mac ? 'close' : 'quit', label: label('Close', '关闭') },
  );
  (edit.submenu as MenuItemConstructorOptions[]).push(
    { type: 'separator' },
    { role: 'cut', label: label('Cut', '剪切') },
    { role: 'copy', label: label('Copy', '复制') },
    { role: 'paste', label: label('Paste', '粘贴') },
    { role: 'selectAll', label: label('Select all', '全选') },
  );
  Menu.setApplicationMenu(Menu.buildFromTemplate([...(mac ? [{ role: 'appMenu' } as const] : []), ...template]));
}
