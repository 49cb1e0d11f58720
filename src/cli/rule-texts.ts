/** The rules that a walk checks, as people read them. What is not here is shown by its own name. */
import { text, type Text } from '../lab/document/problem';

export const RULES: Readonly<Record<string, Text>> = {
  'address-lines': text('within the address lines', '在地址线范围内'),
  answered: text('somebody answers', '有人应答'),
  'context-valid': text('context entry valid', '上下文表项有效'),
  executable: text('executable', '可执行'),
  limit: text('within the limit', '在界限之内'),
  present: text('present', '存在'),
  readable: text('readable', '可读'),
  'reserved-bits': text('reserved bits are 0', '保留位为 0'),
  'table-in-memory': text('table lies in memory', '表在内存中'),
  usable: text('usable', '可用'),
  user: text('user access allowed', '允许用户访问'),
  writable: text('writable', '可写'),
};
