/**
 * The cells of a drawn board: host-physical address ⇄ slot, rank, bank, row and column, as its memory controllers will answer
 * once it is powered. The window sees the machine through this room, so the controllers are handed out here.
 */
import { MemoryController } from '../memory/memory-controller';
import type { AddressMap } from './address-map';
import type { Board } from './schema';

/** The memory controllers of a board that is still being drawn, over its address map; nothing of the machine runs. */
export const boardCells = (board: Board, map: AddressMap): MemoryController => new MemoryController(board, map.dram);
