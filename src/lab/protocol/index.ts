/**
 * The session's protocol: commands in, views and events out. Transported by birpc over msgpack frames, so everything here is
 * plain data (bigint and Uint8Array allowed). Views are immutable snapshots, pushed at most 30 times a second and only while
 * subscribed; large data (memory, tables, disassembly) is asked for by range.
 */
export type * from './problem';
export type * from './session';
export type * from './run';
export type * from './processor';
export type * from './tables';
export type * from './virtualization';
export type * from './isolation';
export type * from './bus';
export type * from './dram';
export type * from './boot';
