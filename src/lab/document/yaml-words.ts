/** What the YAML parser finds wrong, by its error codes, in Chinese; its own sentences are English. */
import type { ErrorCode } from 'yaml';

const WORDS: Record<ErrorCode, string> = {
  ALIAS_PROPS: '别名不能带有锚点或标签。',
  BAD_ALIAS: '别名的名称不正确。',
  BAD_COLLECTION_TYPE: '标签与它所标的集合类型不符。',
  BAD_DIRECTIVE: '指令（以 % 开头的行）不正确。',
  BAD_DQ_ESCAPE: '双引号字符串中有无效的转义。',
  BAD_INDENT: '缩进不正确。',
  BAD_PROP_ORDER: '锚点和标签必须写在值之前。',
  BAD_SCALAR_START: '值不能以这个字符开头，请加引号。',
  BLOCK_AS_IMPLICIT_KEY: '此处不能嵌套多行结构，请检查缩进和冒号。',
  BLOCK_IN_FLOW: '方括号或花括号内不能使用多行块结构。',
  DUPLICATE_KEY: '同一处重复写了这个键。',
  IMPOSSIBLE: '此处无法解析。',
  KEY_OVER_1024_CHARS: '键过长（超过 1024 个字符）。',
  MISSING_CHAR: '缺少字符（括号、引号、逗号、冒号或空格）。',
  MULTILINE_IMPLICIT_KEY: '键必须写在同一行内，请检查括号是否配对。',
  MULTIPLE_ANCHORS: '一个值只能有一个锚点。',
  MULTIPLE_DOCS: '文件中只能有一个文档。',
  MULTIPLE_TAGS: '一个值只能有一个标签。',
  NON_STRING_KEY: '键必须是字符串。',
  RESOURCE_EXHAUSTION: '内容嵌套过深或过大。',
  TAB_AS_INDENT: '缩进不能使用制表符，请用空格。',
  TAG_RESOLVE_FAILED: '标签无法识别或与值不符。',
  UNEXPECTED_TOKEN: '此处出现了意外的内容。',
};

export const yamlErrorInChinese = (code: ErrorCode): string => WORDS[code];
