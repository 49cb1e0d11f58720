/** Every change a student makes to the board, as patches of the document with a name for undo. Pure. */
export * from './bridges';
export type { BoardChange, LabParts } from './change';
export * from './chipset';
export * from './controllers';
export * from './copy';
export * from './devices';
export * from './layout';
export * from './memory';
export * from './memory-model';
export * from './remove';
export * from './rename';
