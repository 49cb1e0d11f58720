/** A program of a lab: its files are there, and what is defined for it can be known. */
import type { LabFiles } from '../protocol';
import { nearestNames } from './nearest';
import { allFiles, programFiles } from './program-files';
import { error, suggestNames, text } from './problem';
import type { References } from './references';
import type { Define, Program } from './schema';

/** Written as a mere file name. */
const isShort = (program: Program): boolean => Object.keys(program).length === 1 && program.file !== undefined;

/** `path`: where the program stands in the document; `vm`: whose it is. */
export function programProblems(names: References, files: LabFiles, program: Program, path: string, vm?: string): void {
  const paths = programFiles(program);
  const available = allFiles(names.lab, files);
  if (paths.length === 0) {
    names.add(
      error('lab-missing-key', text(`${path} names no file.`, `${path} 没有写文件。`), text('Add "file".', '请加上 “file”。'), {
        path,
        ...(vm ? { vm } : {}),
      }),
    );
  }
  for (const file of paths) {
    if (Object.hasOwn(available, file)) continue;
    const remedy =
      suggestNames(nearestNames(file, Object.keys(available))) ??
      text(`Put ${file} beside the lab file.`, `请把 ${file} 放在实验文件旁边。`);
    names.add(
      error('lab-missing-program', text(`The program ${file} is not in the lab's folder.`, `实验文件夹中没有程序 ${file}。`), remedy, {
        path: `${path}${isShort(program) ? '' : '.file'}`,
        ...(vm ? { vm } : {}),
      }),
    );
  }
  if ('defines' in program)
    for (const [name, define] of Object.entries(program.defines ?? {})) defineProblems(names, name, define, `${path}.defines.${name}`);
}

function defineProblems(names: References, name: string, define: Define, path: string): void {
  if (!/^[A-Za-z_.?][A-Za-z0-9_$#@~.?]{0,63}$/.test(name)) {
    names.add(
      error(
        'lab-invalid-value',
        text(`"${name}" cannot be a symbol of the assembler.`, `“${name}” 不能作为汇编符号。`),
        text('Use letters, digits and _.', '请使用字母、数字和 _。'),
        { path },
      ),
    );
  }
  if (typeof define === 'number') return;
  if ('frameOf' in define) {
    names.vm(define.frameOf, `${path}.frameOf`);
    const target = names.lab.vms?.find(({ id }) => id === define.frameOf);
    if (target && define.gpa >= target.memory) {
      names.add(
        error(
          'lab-out-of-range',
          text(
            `${path}: ${define.frameOf} has no guest-physical address 0x${define.gpa.toString(16)}.`,
            `${path}：${define.frameOf} 没有客户机物理地址 0x${define.gpa.toString(16)}。`,
          ),
          text('Choose an address below its memory size.', '请选择小于其内存大小的地址。'),
          { path },
        ),
      );
    }
  } else if ('vmmPart' in define) {
    names.part(define.vmmPart, `${path}.vmmPart`);
    if (define.vm !== undefined) names.vm(define.vm, `${path}.vm`);
    if (!names.lab.vmm)
      names.add(
        error(
          'lab-no-vmm',
          text(`${path} means a part of the VMM, but the lab has none.`, `${path} 指的是 VMM 的一部分，但实验没有 VMM。`),
          text('Add "vmm" and "vms".', '请加上 “vmm” 和 “vms”。'),
          { path },
        ),
      );
  } else names.device(define.barOf, `${path}.barOf`);
}
